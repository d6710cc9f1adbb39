"""What the form for a burst begins with: the deployment, working hours, amounts from own use."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from portal.kernel import formatting_times
from portal.kernel.windows import MINUTE, Window
from portal.models import User
from quotas.models import Deployment, Service
from quotas.selectors import amounts, words
from quotas.selectors.holdings import Holding, holdings_of

OPENS, CLOSES = time(8), time(18)
SATURDAY = 5
NO_LAST_BURST = (
    "No burst of this deployment is over yet, so there is no last one to ask for once more."
)


@dataclass(frozen=True)
class Preset:
    """A button that fills the amount in, in the unit that people type here, and for `minutes` the
    end as well; `direction` where the form asks whether it is to be more.
    """

    label: str
    amount: int
    shown: Any
    minutes: int = 0
    direction: str = ""

    @property
    def sets(self) -> str:
        length = {"minutes": self.minutes} if self.minutes else {}
        way = {"direction": self.direction} if self.direction else {}
        return urlencode({"amount": f"{self.amount:,}", "requests_per_minute": "", **length, **way})


def next_working_hours(at: datetime, zone: tzinfo) -> Window:
    """08:00 to 18:00 in the person's zone, of the first working day whose 08:00 is still to come.

    Wall-clock times, so the day a clock changes is an hour shorter or longer in UTC (I14).
    """
    day = at.astimezone(zone).date()
    while day.weekday() >= SATURDAY or datetime.combine(day, OPENS, zone) <= at:
        day += timedelta(days=1)
    return Window(datetime.combine(day, OPENS, zone), datetime.combine(day, CLOSES, zone))


def holding_sentence(service: Service, *, at: datetime) -> SafeString:
    """What the service holds now, and the question of the page."""
    held = holdings_of([service.pk], at=at).get(service.pk, Holding())
    part = f", of it {held.burst} by a burst" if held.has_burst else ""
    return format_html(
        "{} holds <strong>{}</strong>{}. How much more, and when?",
        service.name,
        held.total or "nothing",
        part,
    )


def grantable_deployments(service: Service) -> list[Deployment]:
    """Those of the service that a pool is known to feed, largest first."""
    return list(_grantable().filter(service=service))


def deployments_to_ask_of(user: User, slug: str) -> tuple[list[Deployment], bool]:
    """The same of a service that this person may see, each with the service and its people; and
    whether this person may ask for the service. One query. None where there is no such deployment,
    or no such service.
    """
    seen = Service.objects.visible_to(user).filter(slug=slug).order_by().values("pk")
    asks = Service.objects.may_request(user).filter(pk=OuterRef("service"))
    rows = _grantable().filter(service__in=seen)
    people = rows.select_related("service__team", "service__owner", "service__deputy")
    found = list(people.annotate(may_ask=Exists(asks)))
    return found, any(each.may_ask for each in found)


def _grantable() -> QuerySet[Deployment]:
    rows = Deployment.objects.grantable().select_related("account", "pool")
    return rows.order_by("-capacity_units", "pk")  # type: ignore[no-any-return]


def deployment_named(found: Sequence[Deployment], text: str | None) -> Deployment | None:
    """The one with this id, else the first, which is the largest; None where there is none."""
    return next((d for d in found if str(d.pk) == text), found[0] if found else None)


def presets(
    deployment: Deployment, facts: dict[str, Any], *, direction: str = "", at: datetime
) -> list[Preset]:
    """From evidence: the busy minute once more, the peak once more, twice the baseline; and the
    last burst. With a `direction` all of them are for good, else the last burst sets its length.

    Each is above the baseline, in whole units, and never more than is free in the window of the
    facts: where it would be, the label says so. What is not known is left out, and everything where
    nothing is free. The last burst is as it was, whenever it is asked for.
    """
    usage, base = facts["usage"], facts["baseline_units"]
    wanted = [
        ("p95 of your minutes, once more", _units_for_tokens(deployment, usage["p95"])),
        ("your peak, once more", _units_for_tokens(deployment, usage["peak"])),
        ("2× the baseline", base),
    ]
    free = _free_units(deployment, facts)
    found: dict[int, Preset] = {}
    for label, units in wanted:
        most = min(units, free)
        if most and most not in found:
            said = label if units <= free else f"{label}, as far as it is free"
            found[most] = Preset(
                said, amounts.typed(deployment, most), words.amount(deployment, most)
            )
    last = last_burst(deployment, facts, at=at)
    all_of_them = [*found.values(), *([last] if last else [])]
    return [_for_good(each, direction) for each in all_of_them] if direction else all_of_them


def _for_good(preset: Preset, direction: str) -> Preset:
    return replace(preset, minutes=0, direction=direction)


def last_burst(deployment: Deployment, facts: dict[str, Any], *, at: datetime) -> Preset | None:
    """Amount and length of the last burst that was granted here and is over; None without one."""
    over = (each for each in facts["past_bursts"] if datetime.fromisoformat(each["until"]) <= at)
    last = next(over, None)
    if last is None:
        return None
    window = Window(*(datetime.fromisoformat(last[name]) for name in ("from", "until")))
    return Preset(
        f"your last burst, #{last['request']}, {formatting_times.duration(window.length)}",
        amounts.typed(deployment, last["units"]),
        words.amount(deployment, last["units"]),
        window.length // MINUTE,
    )


def first_amount(
    deployment: Deployment, facts: dict[str, Any], *, sufficient_units: int = 0
) -> int:
    """What would have sufficed, else the p95 of own use once more, at most what is free.

    Half the baseline where neither is known.
    """
    usual = _units_for_tokens(deployment, facts["usage"]["p95"]) or facts["baseline_units"] // 2
    wanted = sufficient_units or usual
    free = facts["fit"]["largest_units"]
    units = min(wanted, free) if free else wanted
    step = amounts.step_of(deployment).on_top()
    return amounts.typed(deployment, max(step.minimum, step.at_most(units)))


def sufficient_sentence(deployment: Deployment, facts: dict[str, Any], units: int) -> str:
    """What the replay of an incident says, and that it is more than is free; "" without units."""
    if units <= 0:
        return ""
    enough = f"The replay of that incident says that +{words.amount(deployment, units)}"
    free = _free_units(deployment, facts)
    if units <= free:
        return f"{enough} would have served it."
    left = f"+{words.amount(deployment, free)}" if free else "nothing"
    return f"{enough} would have served it; in these hours {left} is free."


def _free_units(deployment: Deployment, facts: dict[str, Any]) -> int:
    """Free throughout the window, in whole steps."""
    free: int = amounts.step_of(deployment).on_top().at_most(facts["fit"]["largest_units"])
    return max(0, free)


def _units_for_tokens(deployment: Deployment, tokens: int | None) -> int:
    """Rounded up to the model's step; 0 where the use or the rate is not known."""
    if not tokens or not deployment.tokens_per_minute_per_unit:
        return 0
    return amounts.on_top(deployment, tokens_per_minute=tokens).units


def tabs(found: Sequence[Deployment], chosen: Deployment) -> list[dict[str, Any]]:
    """One for each deployment, where there are several to choose from."""
    if len(found) < 2:
        return []
    return [
        {"label": str(d), "url": f"?deployment={d.pk}", "active": d.pk == chosen.pk} for d in found
    ]
