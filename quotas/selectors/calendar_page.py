"""The page of a pool's capacity calendar: the picture, and the same as tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.timezone import get_current_timezone

from portal.kernel import formatting
from portal.kernel.shown import Shown
from portal.kernel.status import Status
from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.calendar import Moment, peak
from quotas.models import CapacityRequest, Pool
from quotas.selectors import statuses, words
from quotas.selectors.calendar import Calendar, calendar
from quotas.selectors.calendar_holders import Holder
from quotas.selectors.calendar_models import ModelEnd
from quotas.selectors.calendar_picture import Area, Picture, picture
from quotas.selectors.calendar_ranges import RANGES, Range, range_of
from quotas.selectors.freezes import Clash
from quotas.selectors.pool_rates import PoolRate
from quotas.selectors.pool_risks import PoolRisks, pool_risks_of

MOST_STEPS = 200
WHAT = {"steady": "steady need", "burst": "burst", "hold": "held for an offer"}
GREY, SERIES = "none", 8


@dataclass(frozen=True)
class Row:
    """One line of the table and one shape of the picture. `slot` is its colour; `look` says steady,
    burst, hold or asked. `when` is None of what holds all through.
    """

    name: str
    what: str
    slot: int | str
    look: str
    most: str
    when: Shown | None
    url: str
    status: Status | None
    missing: Shown | None = None
    area: Area = field(default_factory=lambda: Area("", None))

    @property
    def title(self) -> str:
        """What the shape says on hover."""
        parts = [f"{self.name}, {self.what}: {self.most}", str(self.when) if self.when else ""]
        state = self.status.word.lower() if self.status else ""
        missing = f"{self.missing} missing" if self.missing else ""
        return "; ".join(part for part in (*parts, state, missing) if part)


@dataclass(frozen=True)
class StepRow:
    at: Shown
    held: Shown
    reserve: Shown
    limit: Shown
    free: Shown
    is_over: bool


@dataclass(frozen=True)
class CalendarPage:
    """`left_out` are steps beyond those listed. `free` is None while no limit is known."""

    shown: Range
    tabs: list[dict[str, Any]]
    trail: list[tuple[str, str]]
    picture: Picture
    rows: list[Row]
    steps: list[StepRow]
    left_out: int
    free: str | None
    free_is_short: bool
    tightest: Shown | None  # None: now
    is_over: bool
    freezes: list[str]
    retirements: list[str]
    risks: PoolRisks
    unit: str
    zone: str
    today: Range


def calendar_page(
    pool: Pool, user: User, params: Mapping[str, str], *, at: datetime
) -> CalendarPage:
    """`?range=` and `?from=` choose the stretch. Twelve queries at most."""
    zone = get_current_timezone()
    shown = range_of(params, at=at, zone=zone)
    found = calendar(pool, user, shown.window, at=at)
    rate = found.served.rate
    slots = _slots(found)
    rows = [_held(found, h, rate, slots, at=at) for h in found.held]
    rows += [_asked(found, request, rate, slots, at=at) for request in found.asked]
    drawn = picture(found, shown, [row.name for row in rows])
    free = found.tightest.free
    return CalendarPage(
        shown=shown,
        tabs=_tabs(shown),
        trail=words.pool_trail(pool, "Calendar"),
        picture=drawn,
        rows=[replace(row, area=area) for row, area in zip(rows, drawn.areas, strict=True)],
        steps=[_step(each, at=at) for each in found.moments[:MOST_STEPS]],
        left_out=max(0, len(found.moments) - MOST_STEPS),
        free=None if free is None else rate.in_words(abs(free)),
        free_is_short=free is not None and free < 0,
        tightest=None if found.tightest_at == at else words.moment(found.tightest_at, now=at),
        is_over=found.is_over,
        freezes=[_freeze(each, at=at) for each in found.freezes],
        retirements=[_retirement(each, at=at) for each in found.served.ends],
        risks=pool_risks_of(pool, found.risk, found.sees, at=at),
        unit="PTU" if pool.is_provisioned else "units",
        zone=str(zone),
        today=range_of({"range": shown.name}, at=at, zone=zone),
    )


def _tabs(shown: Range) -> list[dict[str, Any]]:
    return [
        {"label": label, "url": shown.as_range(name).query, "active": name == shown.name}
        for name, label in RANGES.items()
    ]


def _slots(found: Calendar) -> dict[int | None, int]:
    """By service id: its colour, as far as possible the same on every calendar, and another than
    its neighbours'.
    """
    shown = {h.service_id for h in found.held if h.service_id}
    slots: dict[int | None, int] = {}
    for service in sorted(shown | {request.service_id for request in found.asked}):
        order = [(service + i) % SERIES for i in range(SERIES)]
        taken = set(slots.values()) if len(slots) < SERIES else set()
        slots[service] = next(slot for slot in order if slot not in taken)
    return slots


def _held(
    found: Calendar,
    holder: Holder,
    rate: PoolRate,
    slots: Mapping[int | None, int],
    *,
    at: datetime,
) -> Row:
    name, slug = found.names[holder]
    entries = found.held[holder]
    risk = found.risk_of(holder)
    number = f" #{holder.request_id}" if holder.request_id else ""
    ends = [entry.window for entry in entries if entry.units > 0]
    bounded = Window(min(w.start for w in ends), max(w.end for w in ends))
    is_dated = not holder.is_steady and not holder.merged and not holder.is_hidden
    return Row(
        name=name,
        what=f"{WHAT[holder.kind]}{number}",
        slot=slots.get(holder.service_id, GREY),
        look=holder.kind,
        most=f"at most {rate.in_words(peak(entries, found.window))}",
        when=words.span(bounded.start, bounded.end, now=at) if is_dated else None,
        url=_url(holder, slug),
        status=statuses.AT_RISK if risk else None,
        missing=words.pool_units(found.pool, risk.units) if risk else None,
    )


def _url(holder: Holder, slug: str) -> str:
    if holder.request_id:
        return reverse("request", args=[holder.request_id])
    return reverse("service", args=[slug]) if slug else ""


def _asked(
    found: Calendar,
    request: CapacityRequest,
    rate: PoolRate,
    slots: Mapping[int | None, int],
    *,
    at: datetime,
) -> Row:
    window = found.asked_window(request)
    return Row(
        name=request.service.name,
        what=f"{request.get_kind_display().lower()} #{request.pk}, in review",
        slot=slots[request.service_id],
        look="asked",
        most=f"asks for {rate.in_words(request.units)}",
        when=words.span(window.start, window.end, now=at),
        url=reverse("request", args=[request.pk]),
        status=None if _fits(found, window, request.units) else statuses.SHORT,
    )


def _fits(found: Calendar, window: Window, units: int) -> bool:
    """By what this calendar shows of its window; True where no limit is known."""
    ends = [*(each.at for each in found.moments[1:]), found.window.end]
    spans = zip(found.moments, ends, strict=True)
    free = [m.free for m, end in spans if m.free is not None and window.overlaps(Window(m.at, end))]
    return min(free, default=units) >= units


def _freeze(each: Clash, *, at: datetime) -> str:
    where = "all pools" if each.of_all_pools else "this pool"
    return f"{words.span(each.window.start, each.window.end, now=at)}, {where}: {each.reason}"


def _retirement(each: ModelEnd, *, at: datetime) -> str:
    """Deployments of others are counted, not named."""
    one = each.deployments == 1
    many = "1 deployment serves" if one else f"{each.deployments} deployments serve"
    instead = f"; {each.successor} follows it" if each.successor else ""
    return f"{words.day(each.at, now=at)}: Azure retires {each.model}, which {many}{instead}"


def _step(each: Moment, *, at: datetime) -> StepRow:
    bounds = each.bounds
    return StepRow(
        at=words.moment(each.at, now=at),
        held=formatting.count(each.held),
        reserve=formatting.count(bounds.reserve if bounds else None),
        limit=formatting.count(bounds.limit if bounds else None),
        free=formatting.count(each.free),
        is_over=each.is_over,
    )
