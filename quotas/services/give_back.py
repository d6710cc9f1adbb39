"""Ending a grant early: the team gives back, always and at once; an owner of the pool revokes, with
a reason and the notice that the tier of the service is owed. Both are reversing entries.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from portal import audit
from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER, Window, floor_to_minute
from portal.models import User
from portal.outbox import Event
from quotas.domain.states import RequestState
from quotas.domain.taking import Short, take
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Decision, LedgerEntry, Pool, Service
from quotas.selectors.notice import notice_of
from quotas.services import policy
from quotas.services.asking import content_hash
from quotas.services.checks import check_step
from quotas.services.granting import granted_until
from quotas.services.refusals import in_people_units, refuse
from quotas.services.reversing import left_of, reverse
from quotas.services.telling import tell_askers

Outcome = Decision.Outcome
GIVEN_BACK = "Given back early."


@transaction.atomic
def give_back(
    request: CapacityRequest, *, by: User, reason: str, at: datetime, units: int | None = None
) -> LedgerEntry:
    """Takes the rest of a grant back from this minute on: all of it, or `units` of it.

    By those who may ask for the service; always granted, and kept as a request of its own. An owner
    of the pool revokes instead (`revoke`). Raises DomainError when nothing of it is left.
    """
    if not Service.objects.may_request(by).filter(pk=request.service_id).exists():
        return revoke(request, by=by, reason=reason, at=at)
    parts = _parts(request, since=floor_to_minute(at), units=units)
    told = reason.strip() or GIVEN_BACK
    asked = _as_request(request, parts, by=by, reason=told, at=at)
    rows = _write(request, parts, reason=told, by=by, at=at)
    audit.record(
        f"{request.kind}.given_back",
        f"request/{request.pk}",
        actor_id=by.pk,
        at=at,
        units=_most(parts),
        give_back=asked.pk,
    )
    terms = Terms(_most(parts), _window(parts))
    tell_askers(
        Event.GRANT_GIVEN_BACK, request, by=by, at=at, terms=terms, note=told, occurrence=asked.pk
    )
    return rows[0]


@transaction.atomic
def revoke(request: CapacityRequest, *, by: User, reason: str, at: datetime) -> LedgerEntry:
    """Takes the rest of a grant back after the notice of the service's tier, by an owner of the
    pool. Raises DomainError: not an owner, no reason, or it ends by itself before that.
    """
    if not Pool.objects.operated_by(by).filter(pk=request.deployment.pool_id).exists():
        raise DomainError(
            "Only the team or an owner of the pool may end a burst.", code="not_yours"
        )
    if not reason.strip():
        raise DomainError("Say why; the team reads it.", code="reason_missing")
    until = granted_until(request)
    notice = notice_of(request, until, at=at)
    if until is not None and notice.ends_anyway:
        raise refuse(
            "ends_before_notice",
            f"Its team has to be told {notice.length // timedelta(hours=1)} hours before; by then, "
            f"{until:%a %d %b %H:%M} UTC, it has ended by itself. Nothing was written.",
        )
    parts = _parts(request, since=notice.holds_from, units=None)
    rows = _write(request, parts, reason=reason.strip(), by=by, at=at)
    terms = Terms(_most(parts), _window(parts))
    decision = _record(request, terms, by=by, reason=reason, at=at)
    audit.record(
        f"{request.kind}.revoked",
        f"request/{request.pk}",
        actor_id=by.pk,
        at=at,
        units=terms.units,
        effective_from=terms.window.start.isoformat(),
        decision=decision.pk,
    )
    tell_askers(
        Event.GRANT_REVOKED,
        request,
        by=by,
        at=at,
        terms=terms,
        note=reason.strip(),
        occurrence=decision.pk,
    )
    return rows[0]


Parts = Sequence[tuple[LedgerEntry, Window, int]]


def _parts(request: CapacityRequest, *, since: datetime, units: int | None) -> Parts:
    """What is left of the grant from then on, newest entry first. Locking the entries keeps two
    people from giving the same back twice.
    """
    found = LedgerEntry.objects.filter(
        request=request, kind__in=[LedgerEntry.Kind.BURST, LedgerEntry.Kind.BASELINE]
    )
    parts: list[tuple[LedgerEntry, Window, int]] = []
    for entry in found.select_for_update().order_by("-effective_from", "-pk"):
        start = max(since, entry.effective_from)
        if start < entry.effective_until:
            rest = left_of(entry, Window(start, entry.effective_until))
            parts += [(entry, window, held) for window, held in rest]
    if not parts:
        raise refuse("nothing_left", f"Nothing of request #{request.pk} is held any more.")
    return parts if units is None else _only(request, parts, units)


def _only(request: CapacityRequest, parts: Parts, units: int) -> Parts:
    """`units` of what is left, at every instant of it."""
    if units <= 0:
        raise refuse("nothing_asked", "Give back more than nothing.")
    check_step(request.deployment, units)
    taken = take([[(window, held)] for _, window, held in parts], _window(parts), units)
    if isinstance(taken, Short):
        raise refuse(
            "not_held",
            f"Only {in_people_units(request.deployment, taken.units)} of it are held from "
            f"{taken.at:%a %d %b %H:%M} UTC on. Give back less, or all of it.",
        )
    return [(parts[part.index][0], part.window, part.units) for part in taken]


def _window(parts: Parts) -> Window:
    return Window(min(w.start for _, w, _ in parts), max(w.end for _, w, _ in parts))


def _most(parts: Parts) -> int:
    return max(units for _, _, units in parts)


def _write(
    request: CapacityRequest, parts: Parts, *, reason: str, by: User, at: datetime
) -> list[LedgerEntry]:
    return [
        reverse(entry, window, units, request=request, reason=reason, by_id=by.pk, at=at)
        for entry, window, units in parts
    ]


def _as_request(
    grant: CapacityRequest, parts: Parts, *, by: User, reason: str, at: datetime
) -> CapacityRequest:
    """A give-back is a request too: granted as it is asked, by whoever asks."""
    window, version = _window(parts), policy.current_number(at=at)
    asked = CapacityRequest(
        kind=CapacityRequest.Kind.GIVE_BACK,
        service=grant.service,
        deployment=grant.deployment,
        requester=by,
        parent=grant,
        units=-_most(parts),
        starts_at=window.start,
        ends_at=None if window.end == FOREVER else window.end,
        purpose=reason,
        state=RequestState.APPROVED,
        submitted_at=at,
        decided_at=at,
        policy_version=version,
    )
    asked.content_hash = content_hash(asked)
    asked.save(force_insert=True)
    Decision.objects.create(
        request=asked,
        outcome=Outcome.APPROVED,
        note="Giving back is always granted.",
        content_hash=asked.content_hash,
        policy_version=version,
        policy_facts={},
        at=at,
    )
    return asked


def _record(
    request: CapacityRequest, terms: Terms, *, by: User, reason: str, at: datetime
) -> Decision:
    return Decision.objects.create(
        request=request,
        stage=max(1, request.stage),
        decided_by=by,
        outcome=Outcome.REVOKED,
        note=reason.strip(),
        units=terms.units,
        starts_at=terms.window.start,
        ends_at=terms.window.end,
        content_hash=request.content_hash,
        evidence=request.evidence.first(),
        policy_version=policy.current_number(at=at),
        policy_facts={},
        at=at,
    )
