"""The evidence on a request: what a person, or the policy, decides on. Stored as it was seen."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from portal.kernel.windows import FOREVER, Window, floor_to_minute
from quotas.domain.availability import Fit, fit
from quotas.domain.ledger import Entry
from quotas.domain.policy_facts import RequestFacts
from quotas.gateway import UsageEvidence, evidence_source
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors.freezes import Clash
from quotas.selectors.metering import HeldSpan, metered
from quotas.selectors.standing import PastBurst, Reports, Standing, ledger_around, standing
from quotas.services.past_bursts import last_share

WHOLE = 0.995  # of the minutes; with as many the use is known
ENDLESS = timedelta(days=30)  # for which the cost of what has no end is told


@dataclass(frozen=True)
class Asked:
    """What is asked, before it is a request: enough to judge it live while someone types."""

    service: Service
    deployment: Deployment
    units: int
    window: Window  # as people see it; the ledger's begins a lead earlier
    kind: str = "burst"
    begun_at: datetime | None = None  # of an extension: when the burst began that it makes longer

    @property
    def units_to_fit(self) -> int:
        """What has to be free for it: nothing for a transfer, nor for what gives back."""
        return 0 if self.kind == "transfer" else max(0, self.units)

    @property
    def costed_window(self) -> Window:
        """Without an end: the first 30 days."""
        if self.window.end < FOREVER:
            return self.window
        return Window(self.window.start, self.window.start + ENDLESS)


@dataclass(frozen=True)
class _Read:
    """What was read for a window of the ledger, whatever amount is asked over it."""

    shown: Window  # as it was asked
    window: Window  # the ledger's, as far as it is still to come
    entries: tuple[Entry, ...]
    held: tuple[HeldSpan, ...]  # of the deployment, in the history of which use is told
    standing: Standing


@dataclass(frozen=True)
class Judged:
    """Everything that is known of what is asked: fit over the window, use, policy facts."""

    fit: Fit
    usage: UsageEvidence
    facts: RequestFacts
    baseline_units: int
    others: tuple[Entry, ...]
    freezes: tuple[Clash, ...]
    past_bursts: tuple[PastBurst, ...]
    past_reports: Reports
    policy_number: int | None  # of the version in force; None where none was published yet
    cost_if_fully_used: Decimal | None
    cost_as_used: Decimal | None
    read: _Read


def ledger_window(asked: Asked) -> Window:
    """The entry's window: it begins the pool's lead before the start, so Azure is in time. What is
    there already, and is made longer or moves, begins to the minute.
    """
    pool = asked.deployment.pool
    begins_earlier = pool and asked.kind in ("burst", "baseline") and asked.units > 0
    lead = pool.lead if pool and begins_earlier else timedelta(0)
    return Window(asked.window.start - lead, asked.window.end)


def _still_to_come(window: Window, at: datetime) -> Window:
    """What has passed is not granted, so it need not fit. A window that is over stays whole."""
    start = max(window.start, floor_to_minute(at))
    return Window(start, window.end) if start < window.end else window


def gather(asked: Asked, *, at: datetime, known: Judged | None = None) -> Judged:
    """`known` is what was gathered a moment ago for the same service and deployment, with another
    amount or window: only what these change is read again. A decision, under its lock, has none.
    """
    read = _read(asked, at=at, known=known.read if known else None)
    usage = _usage(asked, read, known.usage if known else None, at=at)
    around = read.standing
    found = fit(read.entries, around.room, read.window, asked.units_to_fit)
    full, as_used = _costs(asked, usage)
    return Judged(
        fit=found,
        usage=usage,
        facts=replace(
            _facts(asked, found, usage, read, full, at=at),
            starts_in_freeze=any(clash.holds_start for clash in around.freezes),
            denied_lately=around.denied_lately,
        ),
        baseline_units=around.baseline,
        others=tuple(e for e in read.entries if e.kind == "burst"),
        freezes=around.freezes,
        past_bursts=around.past,
        past_reports=around.reports,
        policy_number=around.policy_number,
        cost_if_fully_used=full,
        cost_as_used=as_used,
        read=read,
    )


def as_if(judged: Judged, asked: Asked, found: Fit, *, at: datetime) -> RequestFacts:
    """The facts of another amount, or of a window whose start no freeze holds back: baseline,
    budget and past bursts are those that were read. No query.
    """
    full, _ = _costs(asked, judged.usage)
    return replace(
        _facts(asked, found, judged.usage, judged.read, full, at=at),
        starts_in_freeze=False,
        denied_lately=judged.read.standing.denied_lately,
    )


def _read(asked: Asked, *, at: datetime, known: _Read | None) -> _Read:
    """Two queries; none where the window is known."""
    if asked.deployment.pool is None:
        raise ValueError("a deployment without a pool cannot be granted anything")
    window = _still_to_come(ledger_window(asked), at)
    if known and (known.shown, known.window) == (asked.window, window):
        return known
    history = evidence_source().history(at=at)
    entries, held = ledger_around(asked.deployment, window, history)
    return _Read(
        shown=asked.window,
        window=window,
        entries=tuple(entries),
        held=tuple(held),
        standing=standing(
            asked.service, asked.deployment, window, starts_at=asked.window.start, at=at
        ),
    )


def _usage(
    asked: Asked, read: _Read, known: UsageEvidence | None, *, at: datetime
) -> UsageEvidence:
    if known is not None and {number for number, *_ in read.standing.past} == set(
        known.used_share_of_past_bursts
    ):
        return known.of_units(read.standing.baseline, asked.units)
    return evidence_source().usage_evidence(
        metered(asked.deployment),
        service_id=asked.service.pk,
        team_id=asked.service.team_id,
        held=read.held,
        held_units=read.standing.baseline,
        extra_units=asked.units,
        past_bursts=read.standing.past,
        at=at,
    )


def _costs(asked: Asked, usage: UsageEvidence) -> tuple[Decimal | None, Decimal | None]:
    """(if every extra token were used, at the service's own rate of use); None where unknown.

    Pay-as-you-go costs tokens, at the service's own blended price of the last 7 days; provisioned
    capacity costs unit-hours, used or not.
    """
    hours, units = hours_of(asked.costed_window), asked.units_to_fit
    if asked.deployment.is_provisioned:
        if usage.usd_per_unit_hour is None:
            return None, None
        cost = usage.usd_per_unit_hour * units * hours
        return cost, cost
    rate = asked.deployment.tokens_per_minute_per_unit
    if rate is None or usage.usd_per_million_tokens is None:
        return None, None
    full = usage.usd_per_million_tokens * units * rate * hours * 60 / 1_000_000
    shares = [s for s in usage.used_share_of_past_bursts.values() if s is not None]
    share = Decimal(str(sum(shares) / len(shares))) if shares else None
    return full, None if share is None else full * min(share, Decimal(1))


def hours_of(window: Window) -> Decimal:
    return Decimal(window.length // timedelta(minutes=1)) / 60


def _length(asked: Asked) -> Decimal | None:
    """Of an extension, with the burst that it makes longer; None where there is no end."""
    if asked.window.end == FOREVER:
        return None
    return hours_of(Window(asked.begun_at or asked.window.start, asked.window.end))


def _facts(
    asked: Asked,
    found: Fit,
    usage: UsageEvidence,
    read: _Read,
    cost: Decimal | None,
    *,
    at: datetime,
) -> RequestFacts:
    budget, spent = read.standing.budget, usage.team_month_to_date_usd
    share = found.peak_share
    return RequestFacts(
        extra_units=asked.units,
        baseline_units=read.standing.baseline,
        hours=_length(asked),
        pool_peak_share=Decimal(str(round(share, 4))) if share != float("inf") else Decimal(9),
        cost_if_fully_used=None if cost is None else round(cost, 2),
        last_burst_used_share=last_share(read.standing.past, usage, read.standing.reports),
        had_a_burst=bool(read.standing.past),
        owner_is_active=not asked.service.owner.is_gone(at),
        is_provisioned=asked.deployment.is_provisioned,
        currency=settings.HEADROOM_CURRENCY,
        kind=asked.kind,
        room_units=found.room_units,
        tier=asked.service.tier,
        environment=asked.service.environment,
        lead_hours=_lead(asked, at),
        has_budget=budget is not None,
        team_budget_left=None if budget is None or spent is None else round(budget - spent, 2),
        use_is_known=(usage.completeness or 0) >= WHOLE,
    )


def _lead(asked: Asked, at: datetime) -> Decimal:
    """Hours from now to the start; 0 for what starts now, or has started."""
    if asked.window.start <= at:
        return Decimal(0)
    return round(Decimal((asked.window.start - at) // timedelta(minutes=1)) / 60, 2)


def asked_of(request: CapacityRequest) -> Asked:
    begun_at = first_start(request) if request.kind == "extension" else None
    return Asked(
        request.service,
        request.deployment,
        request.units,
        request.window,
        request.kind,
        begun_at,
    )


def first_start(grant: CapacityRequest) -> datetime:
    """When the burst began that this one extends, in one or more steps."""
    while grant.kind == "extension" and grant.parent is not None:
        grant = grant.parent
    return grant.starts_at
