"""The register of models: which may be asked for, which retire when, and who has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Lower

from portal.models import User
from quotas.domain.model_register import Judgement, Life, judge, together
from quotas.models import Deployment, ModelLife, ModelRule

Version = tuple[str, str]  # name, version
NAMES = ("model_name", "model_version", "sku_name")


class Place(NamedTuple):
    """Where a model version is deployed, or could be."""

    subscription_id: str  # lower case
    region: str
    model_name: str
    model_version: str
    sku_name: str


@dataclass(frozen=True)
class Retirement:
    """A deployment whose model has a planned end."""

    deployment: Deployment
    at: datetime
    successor: str

    @property
    def service_id(self) -> int | None:
        return self.deployment.service_id

    @property
    def model(self) -> str:
        return f"{self.deployment.model_name} {self.deployment.model_version}"


@dataclass(frozen=True)
class Registered:
    """One version. `deployments` are those that the person may see; `rule` is the house's open one
    that holds for it, in force or to come.
    """

    name: str
    version: str
    life: Life
    judged: Judgement
    rule: ModelRule | None
    deployments: list[Deployment]


def register_for(user: User, *, at: datetime) -> list[Registered]:
    """What runs, or is listed; by name, the newest version first. Three queries."""
    lives: dict[Version, list[Life]] = {}
    for row in ModelLife.objects.all():
        lives.setdefault((row.model_name, row.model_version), []).append(row.life)
    runs: dict[Version, list[Deployment]] = {}
    seen = Deployment.objects.present().visible_to(user).select_related("account", "service")
    for each in seen.distinct():
        runs.setdefault((each.model_name, each.model_version), []).append(each)
    rules = _open_rules()
    versions = sorted(lives.keys() | runs.keys(), key=lambda each: each[1], reverse=True)
    versions.sort(key=lambda each: each[0])
    return [
        _registered(version, lives.get(version, []), runs.get(version, []), rules, at=at)
        for version in versions
    ]


def _registered(
    version: Version,
    lives: list[Life],
    deployments: list[Deployment],
    rules: Mapping[Version, ModelRule],
    *,
    at: datetime,
) -> Registered:
    life, rule = together(lives), rule_for(version, rules)
    judged = judge(life, rule.rule if rule else None, at)
    return Registered(*version, life, judged, rule, deployments)


def judgement_of(deployment: Deployment, *, at: datetime) -> Judgement:
    """Two queries. A fine-tuned model has a name of its own that Azure does not list: allowed."""
    return judgements_at([place_of(deployment)], at=at)[0]


def judgements_at(places: Sequence[Place], *, at: datetime) -> list[Judgement]:
    """In the order given. Two queries for any number."""
    lives = _lives_at(places)
    rules = _open_rules({place.model_name for place in places})
    return [_judged(place, lives.get(place, Life()), rules, at=at) for place in places]


def _judged(
    place: Place, life: Life, rules: Mapping[Version, ModelRule], *, at: datetime
) -> Judgement:
    rule = rule_for((place.model_name, place.model_version), rules)
    return judge(life, rule.rule if rule else None, at)


def retirements_of(rows: QuerySet[Deployment], *, until: datetime) -> list[Retirement]:
    """Deployments whose model has a planned end before `until`; the nearest first. One query."""
    found = with_end(rows, retires_at__lt=until)
    ending = found.filter(ends__isnull=False).select_related("account").order_by("ends", "pk")
    return [Retirement(each, each.ends, each.follows) for each in ending]


def with_end(rows: QuerySet[Deployment], **within: datetime) -> QuerySet[Any]:
    """Each with `ends`, the planned end of its model, and `follows`; None where there is none, or
    not `within`.
    """
    lives = ModelLife.objects.order_by().filter(
        subscription_id=Lower(OuterRef("account__subscription_id")),
        region=OuterRef("account__region"),
        **{name: OuterRef(name) for name in ("model_format", *NAMES)},
        is_planned=True,
        **within,
    )
    ends, follows = lives.values("retires_at"), lives.values("successor")
    return rows.annotate(ends=Subquery(ends), follows=Subquery(follows))


def place_of(each: Deployment) -> Place:
    account = each.account
    return Place(
        account.subscription_id.lower(),
        account.region,
        each.model_name,
        each.model_version,
        each.sku_name,
    )


def _lives_at(places: Iterable[Place]) -> dict[Place, Life]:
    names = {place.model_name for place in places}
    rows = ModelLife.objects.filter(model_name__in=names) if names else []
    return {
        Place(
            row.subscription_id,
            row.region,
            row.model_name,
            row.model_version,
            row.sku_name,
        ): row.life
        for row in rows
    }


def _open_rules(names: Iterable[str] | None = None) -> dict[Version, ModelRule]:
    rows = ModelRule.objects.filter(ended_at__isnull=True).select_related("recorded_by")
    if names is not None:
        rows = rows.filter(model_name__in=set(names))
    return {(row.model_name, row.model_version): row for row in rows}


def rule_for(version: Version, rules: Mapping[Version, ModelRule]) -> ModelRule | None:
    """Its own, else that of every version."""
    return rules.get(version) or rules.get((version[0], ""))
