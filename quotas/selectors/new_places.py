"""Accounts and deployment types in which a service could have another deployment."""

from collections.abc import Sequence

from portal.kernel.units import amount_for
from portal.kernel.windows import FOREVER, Window
from quotas.domain.openings import Opening
from quotas.domain.residency import Place
from quotas.domain.starts import FreeLine
from quotas.models import DeployableModel, Deployment, Service
from quotas.selectors.expectations import open_plans
from quotas.selectors.places import Spot, model_of, pools_of, spots_of
from quotas.selectors.words import amount_word


def spots_beside(service: Service, own: Sequence[Deployment]) -> list[Spot]:
    """For the model of the first of them, counted as it is: tokens or PTUs. None that the plan of a
    deployment would refuse: in a pool that feeds the model in any version already, or while another
    one is planned. Of each pool one account, before others one in which they are. Four queries.
    """
    if open_plans().filter(service=service).exists():
        return []
    accounts = {each.account_id for each in own}
    taken = {each.pool_id for each in own} | pools_of(service, model_of(own[0]))
    spots = [spot for spot in spots_of(model_of(own[0])) if spot.model.pool_id not in taken]
    spots = [spot for spot in spots if _word(spot.model) == amount_word(own[0])]
    spots.sort(key=lambda spot: spot.account.pk in accounts, reverse=True)
    first: dict[int, Spot] = {}
    for spot in spots:
        if spot.model.pool.gone_at is None:
            first.setdefault(spot.model.pool_id, spot)
    return list(first.values())


def _word(model: DeployableModel) -> str:
    if "provisioned" in model.sku_name.lower():
        return "PTU"
    return "TPM" if model.tokens_per_minute_per_unit else "units"


def opening_of(
    spot: Spot, deployment: Deployment, units: int, window: Window, line: FreeLine
) -> Opening | None:
    """For `units` of the deployment over `window`. None where Azure does not say what a unit gives
    there.
    """
    wanted = _units_there(spot.model, deployment, units)
    if wanted is None:
        return None
    step = spot.model.step
    is_first = window.end == FOREVER and not deployment.is_provisioned
    first = step.at_least(wanted if is_first else 1)
    return Opening(
        key=spot.key,
        place=Place(spot.model.sku_name, spot.account.region),
        first=first,
        in_all=first if is_first else first + step.on_top().at_least(wanted),
        line=line,
        observes=not spot.model.pool.applies,
    )


def _units_there(model: DeployableModel, deployment: Deployment, units: int) -> int | None:
    """That give at least the same tokens and requests a minute; as many PTUs."""
    tokens = deployment.rate.tokens(units)
    if deployment.is_provisioned or tokens is None:
        return units
    try:
        return amount_for(
            tokens_per_minute=tokens,
            requests_per_minute=(deployment.rate.requests(units) or 0)
            if model.requests_per_minute_per_unit
            else 0,
            rate=model.rate,
        ).units
    except ValueError:  # a unit states no tokens
        return None
