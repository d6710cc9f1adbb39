"""Where granted bursts stand: from their entries, the ledger's sum, and what Azure answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from django.db.models import Q

from portal.kernel.status import Status, Tick, Ticks
from portal.kernel.windows import Window
from quotas.domain.at_risk import Risk
from quotas.domain.grants import Phase, Standing, standing_of
from quotas.domain.ledger import Entry, pieces
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Change, Deployment, LedgerEntry
from quotas.selectors import statuses
from quotas.selectors.at_risk import PoolRisk, risks_of
from quotas.selectors.kill_switch import with_holds
from quotas.selectors.newest_changes import NewestChanges, newest_changes, told_by
from quotas.selectors.on_the_way import is_written, tick_of, why_not


@dataclass(frozen=True)
class Grant:
    """One approved request as pages show it. `given_back_at` is from when on nothing of it is held
    although its entry goes on, `units` what is left of it, `risk` what does not fit any more.
    """

    standing: Standing
    entry: LedgerEntry
    given_back_at: datetime | None
    units: int
    status: Status
    ticks: Ticks
    risk: Risk | None = None
    gave_up: Change | None = None  # never there, and its window is over

    @property
    def phase(self) -> Phase:
        return self.standing.phase

    @property
    def may_be_given_back(self) -> bool:
        return self.given_back_at is None and self.phase in (
            Phase.UPCOMING,
            Phase.STARTING,
            Phase.ON,
        )


@dataclass(frozen=True)
class _Facts:
    """What all grants of a list share."""

    entries: dict[int, LedgerEntry]
    held: dict[int, list[LedgerEntry]]  # by request id, with what was taken back of it
    wanted: dict[int, int]
    changes: NewestChanges
    risks: dict[int, Risk]
    zone: tzinfo | None = None  # of text that is stored


def grants_of(
    requests: Sequence[CapacityRequest],
    *,
    at: datetime,
    risks: Iterable[PoolRisk] | None = None,
    ledger: Iterable[LedgerEntry] | None = None,
    changes: Iterable[Change] | None = None,
    zone: tzinfo | None = None,
) -> dict[int, Grant]:
    """By request id, the approved ones. Needs `deployment__pool`; three queries for any number, one
    more where a pool may be short. One less where the `risks` of their pools are known, where the
    `ledger` is, what is `behind` them, and where the `newest_changes` of all their deployments are:
    of both, any others beside. `zone` as `held_sentence` takes it.
    """
    approved = [r for r in requests if r.state == RequestState.APPROVED]
    if not approved:
        return {}
    rows = LedgerEntry.objects.filter(behind(approved, at=at)) if ledger is None else ledger
    facts = _read(approved, list(rows), at=at, risks=risks, changes=changes)
    facts = replace(facts, zone=zone)
    return {r.pk: _grant(r, facts, at=at) for r in approved if r.pk in facts.entries}


def behind(requests: Sequence[CapacityRequest], *, at: datetime) -> Q:
    """Entries of these requests, and all that are in force on their deployments."""
    keys, deployments = {r.pk for r in requests}, {r.deployment_id for r in requests}
    in_force = Q(effective_from__lte=at, effective_until__gt=at, deployment__in=deployments)
    return Q(request__in=keys) | in_force


def _read(
    requests: Sequence[CapacityRequest],
    ledger: Sequence[LedgerEntry],
    *,
    at: datetime,
    risks: Iterable[PoolRisk] | None,
    changes: Iterable[Change] | None,
) -> _Facts:
    if risks is None:
        live = (r.deployment.pool_id for r in requests if r.ends_at and r.ends_at > at)
        risks = risks_of({pool for pool in live if pool is not None}, at=at).values()
    deployments = {r.deployment_id for r in requests}
    entries, held, wanted = _entries(ledger, {r.pk for r in requests}, deployments, at=at)
    if changes is None:
        over = {row.deployment_id for row in entries.values() if row.effective_until <= at}
        newest = newest_changes(deployments, over=over)
        changes = with_holds(Change.objects.filter(newest))
    return _Facts(
        entries=entries,
        held=held,
        wanted=wanted,
        changes=told_by(changes),
        risks={request: risk for pool in risks for request, risk in pool.requests.items()},
    )


def _entries(
    rows: Sequence[LedgerEntry], requests: set[int], deployments: set[int], *, at: datetime
) -> tuple[dict[int, LedgerEntry], dict[int, list[LedgerEntry]], dict[int, int]]:
    """By request id its burst's entry, and all of its rows, what was taken back among them; by
    deployment id the units that the ledger wants at the moment.
    """
    theirs = [(row.request_id, row) for row in rows if row.request_id in requests]
    wanted: dict[int, int] = {}
    for row in rows:
        if row.deployment_id in deployments and row.effective_from <= at < row.effective_until:
            wanted[row.deployment_id] = wanted.get(row.deployment_id, 0) + row.units
    bursts = {pk: row for pk, row in theirs if pk and row.kind == LedgerEntry.Kind.BURST}
    own = {row.pk for _, row in theirs if row.kind == LedgerEntry.Kind.BURST}
    held: dict[int, list[LedgerEntry]] = {pk: [] for pk in bursts}
    for pk, row in theirs:
        if pk in held and (row.pk in own or row.reverses_id in own):
            held[pk].append(row)
    return bursts, held, wanted


def _left(rows: Sequence[LedgerEntry], entry: LedgerEntry, at: datetime) -> tuple[int, datetime]:
    """(units left from now on, at most; when the last of them goes). Where nothing is left, and of
    what is over, the units that were granted.
    """
    parts = [Entry(row.deployment_id, row.units, row.window) for row in rows]
    held = [(window, units) for window, units in pieces(parts, entry.window) if units > 0]
    end = max((window.end for window, _ in held), default=entry.effective_from)
    units = max((units for window, units in held if window.end > at), default=entry.units)
    return units, end


def _grant(request: CapacityRequest, facts: _Facts, *, at: datetime) -> Grant:
    entry = facts.entries[request.pk]
    change = facts.changes.open.get(request.deployment_id)
    # Given back before it began: nothing of the window is left, so it is over at once.
    units, end = _left(facts.held[request.pk], entry, at)
    wanted = facts.wanted.get(request.deployment_id, 0)
    verified_at = facts.changes.verified_at.get(request.deployment_id)
    matches = _matches(request.deployment, entry, end, wanted, change, verified_at, at=at)
    if end <= entry.effective_from:
        standing = Standing(Phase.OVER, True, False, False)
    else:
        standing = standing_of(
            entry=Window(entry.effective_from, end),
            shown=request.window,
            at=at,
            matches_azure=matches,
            verified=request.deployment.settled_units == request.deployment.capacity_units
            and not is_written(change, wanted),
            why_not="" if matches else why_not(request.deployment, change, facts.zone),
        )
    given_back_at = end if end < entry.effective_until else None
    risk = facts.risks.get(request.pk)
    applies = bool(request.deployment.pool and request.deployment.pool.applies)
    found = Grant(
        standing,
        entry,
        given_back_at,
        units,
        _at_risk(standing)
        if risk
        else _status(standing, change, applies=applies, given_back=given_back_at is not None),
        _ticks(standing, change, applies=applies),
        risk,
    )
    gave_up = facts.changes.gave_up.get(request.pk)
    return _never_there(found, gave_up) if gave_up else found


def _matches(
    deployment: Deployment,
    entry: LedgerEntry,
    end: datetime,
    wanted: int,
    change: Change | None,
    verified_at: datetime | None,
    *,
    at: datetime,
) -> bool:
    """Whether Azure has this grant's edge behind it.

    The sum alone would let another burst's start make this one look undone; so a change that was
    verified after this grant's own edge counts as well, while nobody edited Azure since.
    """
    if deployment.capacity_units == wanted or is_written(change, wanted):
        return True
    if at < end:
        untouched = deployment.capacity_units == deployment.settled_units
        return bool(verified_at and verified_at >= entry.effective_from and untouched)
    was_applied = verified_at is not None and verified_at >= entry.effective_from
    taken_back = verified_at is not None and verified_at >= end
    return taken_back or not was_applied or deployment.capacity_units < wanted


def _never_there(grant: Grant, gave_up: Change) -> Grant:
    return replace(
        grant,
        gave_up=gave_up,
        status=statuses.NEVER_APPLIED,
        ticks=Ticks(Tick.DONE, Tick.FAILED, Tick.WAITING),
    )


def _at_risk(standing: Standing) -> Status:
    return statuses.ON_AT_RISK if standing.applied else statuses.AT_RISK


def _status(
    standing: Standing, change: Change | None, *, applies: bool, given_back: bool
) -> Status:
    if given_back and standing.phase == Phase.OVER:
        return statuses.GIVEN_BACK
    if standing.phase == Phase.STARTING and not applies:
        return statuses.NOT_APPLIED
    if standing.phase == Phase.STARTING and change and change.error_reason:
        return statuses.REFUSED
    return statuses.OF_PHASE[standing.phase]


def _ticks(standing: Standing, change: Change | None, *, applies: bool) -> Ticks:
    if standing.phase in (Phase.UPCOMING, Phase.OVER):
        return Ticks(Tick.DONE)
    if standing.applied:
        return Ticks(Tick.DONE, Tick.DONE, Tick.DONE if standing.verified else Tick.WAITING)
    tick = tick_of(change, applies=applies)
    return Ticks(Tick.DONE, tick, goes=standing.phase == Phase.ENDING)
