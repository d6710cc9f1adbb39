"""Where a deployment of a model could be: every account that offers it, with what it would take,
what is free for good, and its list price.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, OuterRef, QuerySet, Subquery

from portal.kernel.units import amount_for
from portal.kernel.windows import FOREVER, Window
from quotas.domain.residency import Place
from quotas.domain.suggestion import Option
from quotas.gateway import Priced, evidence_source
from quotas.models import AzureAccount, DeployableModel, Deployment, Pool, Service
from quotas.selectors.model_register import Place as ModelPlace
from quotas.selectors.model_register import judgements_at, why_deprecated
from quotas.selectors.pool_figures import PoolFigures, figures_of

ModelName = tuple[str, str, str]  # format, name, version


@dataclass(frozen=True)
class Spot:
    """One deployment type in one account; its `key` is what a form sends."""

    account: AzureAccount
    model: DeployableModel

    @property
    def key(self) -> str:
        return f"{self.account.pk}-{self.model.pk}"


@dataclass(frozen=True)
class Wanted:
    """What the first baseline is to give, as people type it."""

    tokens_per_minute: int
    requests_per_minute: int = 0


def listed_accounts() -> QuerySet[AzureAccount]:
    """Those that the newest sync of their subscription listed."""
    same = AzureAccount.objects.filter(subscription_id=OuterRef("subscription_id")).order_by()
    newest = same.values("subscription_id").annotate(at=Max("last_seen_at")).values("at")
    return AzureAccount.objects.filter(last_seen_at=Subquery(newest)).order_by("name")


def models_on_offer() -> list[ModelName]:
    """What can be deployed in some account, by name, the newest version first."""
    rows = DeployableModel.objects.filter(region__in=listed_accounts().values("region"))
    names = rows.order_by("model_name", "-model_version", "model_format")
    return list(names.values_list("model_format", "model_name", "model_version").distinct())


def model_of(deployment: Deployment) -> ModelName:
    return (deployment.model_format, deployment.model_name, deployment.model_version)


def key_of(model: ModelName) -> str:
    """How a form names it."""
    return "|".join(model)


def home_regions() -> list[str]:
    return sorted(set(listed_accounts().values_list("region", flat=True)))


def spots_of(model: ModelName) -> list[Spot]:
    """In the order of accounts and types. Two queries."""
    names = dict(zip(("model_format", "model_name", "model_version"), model, strict=True))
    rows = DeployableModel.objects.filter(**names).select_related("pool").order_by("sku_name")
    found = list(rows)
    return [
        Spot(account, row)
        for account in listed_accounts()
        for row in found
        if (row.subscription_id, row.region) == (account.subscription_id, account.region)
    ]


def pools_of(service: Service, model: ModelName) -> frozenset[int]:
    """That feed a deployment of the model which the service has already. One query."""
    rows = service.deployments.present().filter(model_name=model[1], pool__isnull=False)
    return frozenset(rows.values_list("pool", flat=True))


def options_of(
    spots: Iterable[Spot],
    wanted: Wanted,
    *,
    taken: Collection[int] = (),
    at: datetime,
) -> list[Option]:
    """As `quotas.domain.suggestion` judges them; nothing of pools that are `taken`. Six queries
    for any number.
    """
    spots = list(spots)
    pools = list({spot.model.pool_id: spot.model.pool for spot in spots}.values())
    figures = {each.pool.pk: each for each in figures_of(pools, at=at, window=Window(at, FOREVER))}
    judged = dict(zip(spots, judgements_at([_place(s) for s in spots], at=at), strict=True))
    prices = evidence_source().list_prices({_priced(spot) for spot in spots}, at=at)
    return [
        Option(
            key=spot.key,
            place=Place(spot.model.sku_name, spot.account.region),
            account=spot.account.name,
            units=units_for_model(spot.model, wanted),
            free_units=_free(spot.model.pool, figures),
            is_paused=_paused(spot.model.pool, taken) or why_deprecated(judged[spot]),
            observes=not spot.model.pool.applies,
            price=prices[_priced(spot)],
        )
        for spot in spots
    ]


def units_for_model(model: DeployableModel, wanted: Wanted) -> int | None:
    """What the first baseline takes. Of provisioned capacity the least that the model has: how much
    a unit serves depends on calls that nobody has made yet. None where Azure does not say.
    """
    if "provisioned" in model.sku_name.lower():
        return model.minimum_units
    try:
        return amount_for(
            tokens_per_minute=wanted.tokens_per_minute,
            requests_per_minute=wanted.requests_per_minute,
            rate=model.rate,
            step=model.step,
        ).units
    except ValueError:  # a unit states no tokens, or no requests
        return None


def _paused(pool: Pool, taken: Collection[int]) -> str:
    if pool.pk in taken:
        return "it has a deployment of this model from that pool: ask for a higher baseline there"
    return "" if pool.gone_at is None else "Azure lists its quota no more"


def _place(spot: Spot) -> ModelPlace:
    row = spot.model
    account = row.subscription_id.lower()
    return ModelPlace(account, row.region, row.model_name, row.model_version, row.sku_name)


def _priced(spot: Spot) -> Priced:
    row = spot.model
    return Priced(row.model_name, row.model_version, row.sku_name, row.region)


def _free(pool: Pool, figures: Mapping[int, PoolFigures]) -> int | None:
    found = figures[pool.pk]
    return None if found.limit is None else found.free_minimum
