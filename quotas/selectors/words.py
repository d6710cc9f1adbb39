"""How the nouns of quotas are written for people: amounts, pools, times in the reader's zone."""

import re
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.urls import reverse
from django.utils.timezone import get_current_timezone

from portal.kernel import formatting, formatting_times
from portal.kernel.shown import Shown, not_known
from portal.kernel.windows import FOREVER, Window
from portal.models import User
from quotas.models import CapacityRequest, Deployment, Pool, Service

INPUT_FORMAT = "%Y-%m-%dT%H:%M"  # what <input type="datetime-local"> reads
ANOTHER_TEAM = "another team"
CAMEL_EDGE = re.compile(r"(?<=[a-z])(?=[A-Z])")


def amount_word(deployment: Deployment) -> str:
    """What people count this deployment in: TPM, PTU, or plain units where Azure states no rate."""
    if deployment.is_provisioned:
        return "PTU"
    return "TPM" if deployment.tokens_per_minute_per_unit else "units"


def amount(deployment: Deployment, units: int | None) -> Shown:
    """`40k TPM` with tokens and units on hover, `15 PTUs`, or `40 units`."""
    if units is None:
        return not_known()
    tokens = deployment.rate.tokens(units)
    if deployment.is_provisioned:
        return formatting.units(units, "PTU")
    if tokens is None:
        return formatting.units(units)
    exact = f"{tokens:,} tokens per minute, {formatting.units(units)}"
    return Shown(str(formatting.tpm(tokens)), exact=exact, value=str(tokens))


def on_top(deployment: Deployment, units: int) -> Shown:
    """What is asked on top: `+40k TPM`; `−40k TPM` where it becomes less."""
    shown = amount(deployment, units)
    return shown if units <= 0 else Shown(f"+{shown}", exact=shown.exact, value=shown.value)


def occasion(request: CapacityRequest) -> str:
    """What a burst is for, by its occasion; of other requests, their kind."""
    return str(request.get_occasion_display() or request.get_kind_display())


def pool_name(pool: Pool) -> str:
    """`gpt-4o · Global Standard · eastus` for the bucket OpenAI.GlobalStandard.gpt-4o; where
    several regions share it, `all regions` or `data zone EU` stand for the region.
    """
    sku, _, model = pool.usage_name.removeprefix("OpenAI.").partition(".")
    kind = sku_name(sku)
    return " · ".join(part for part in (model, kind, pool.place) if part)


def sku_name(sku: str) -> str:
    """`Global Standard` for GlobalStandard."""
    return CAMEL_EDGE.sub(" ", sku)


def pool_trail(pool: Pool, page: str) -> list[tuple[str, str]]:
    """Breadcrumbs of a page below the pool's own."""
    own = reverse("pool", args=[pool.pk])
    return [("Pools", reverse("pools")), (pool_name(pool), own), (page, "")]


def pool_units(pool: Pool, units: int | None) -> Shown:
    return formatting.units(units, "PTU" if pool.is_provisioned else "unit")


def moment(at: datetime | None, *, now: datetime) -> Shown:
    return formatting_times.moment(at, get_current_timezone(), now=now)


def day(at: datetime, *, now: datetime) -> Shown:
    return formatting_times.day(at, get_current_timezone(), now=now)


def span(start: datetime, end: datetime, *, now: datetime) -> Shown:
    return formatting_times.span(start, end, get_current_timezone(), now=now)


def age(at: datetime | None, *, now: datetime) -> Shown:
    return formatting_times.age(at, now, get_current_timezone())


def money(amount_of_money: Decimal | str | None) -> Shown:
    known = None if amount_of_money is None else Decimal(amount_of_money)
    return formatting.money(known, settings.HEADROOM_CURRENCY)


def person_name(person: User | None, *, nobody: str = "Headroom") -> str:
    return person.display_name if person else nobody


def name_for(service: Service | None, *, sees: set[int] | None) -> str:
    """A service's name for those who may see it, else no more than that there is another team.

    `sees` are the ids of services this person may see; None means all of them.
    """
    if service is None:
        return "not mapped yet"
    return service.name if sees is None or service.pk in sees else ANOTHER_TEAM


def length(window: Window) -> Shown:
    if window.end == FOREVER:
        return Shown("no end", exact="until somebody changes it")
    return formatting_times.duration(window.length)
