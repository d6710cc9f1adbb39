"""Deciding on a request: yes, yes to a part of it, no.

The last yes is one transaction: lock, re-check every instant, write. Nobody approves their own
request, and nobody more than one stage of it (`stages`).
"""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.windows import Window, floor_to_minute
from portal.models import User
from portal.outbox import Event
from quotas.domain.states import RequestEvent
from quotas.domain.terms import Terms, lies_inside
from quotas.models import CapacityRequest, Decision
from quotas.selectors.amounts import step_of_request
from quotas.selectors.rooms import fit_in
from quotas.services import progress
from quotas.services.answering import (
    Answer,
    agreed_terms,
    begin,
    begin_denial,
    record,
)
from quotas.services.checks import check_step
from quotas.services.granting import granted_window, lead_of
from quotas.services.refusals import in_people_units, refuse
from quotas.services.telling import tell_askers
from quotas.services.transitions import move

Outcome = Decision.Outcome


@transaction.atomic
def approve(
    request: CapacityRequest, *, by: User, note: str, at: datetime, part: Terms | None = None
) -> CapacityRequest:
    """A yes at the open stage, to all that was asked or to a `part` of it; the last yes grants it.

    A late approval clips the start to now. Raises DomainError: own request, not asked at this
    stage, a part that is not inside what was asked (I7: offer it instead), too late, or no longer
    fits (with the largest amount and longest window that would). Then nothing is written.
    """
    answer = begin(request, by=by, at=at)
    left = agreed_terms(request) if part else None
    if part is None or left is None or part == left:
        decision = record(answer, Outcome.APPROVED, note=note)
    else:
        _check_part(request, part, left)
        decision = record(answer, Outcome.PARTIAL, note=note, terms=part)
    return progress.go_on(answer, decision)


@transaction.atomic
def approve_largest_safe(
    request: CapacityRequest, *, by: User, note: str, at: datetime
) -> CapacityRequest:
    """A yes to as much of it as fits over the whole window now: all of it where all fits.

    Raises DomainError where nothing fits, and as `approve` does.
    """
    answer = begin(request, by=by, at=at)
    left = agreed_terms(request)
    units = largest_safe(answer, left)
    if units == left.units:
        return progress.go_on(answer, record(answer, Outcome.APPROVED, note=note))
    part = Terms(units, left.window)
    _check_part(request, part, left)
    return progress.go_on(answer, record(answer, Outcome.PARTIAL, note=note, terms=part))


def largest_safe(answer: Answer, left: Terms) -> int:
    """Units, in whole steps of the model, that fit at every instant; never more than `left`."""
    window = granted_window(left.window, lead_of(answer.request, answer.pool), answer.at)
    found = fit_in(answer.pool, window, left.units)
    step = step_of_request(answer.request.deployment)
    units = step.at_most(min(left.units, found.largest_units))
    if units <= 0:
        raise refuse(
            "nothing_fits",
            f"Nothing is free over the whole window: the pool is fullest at "
            f"{found.tightest_at:%a %d %b %H:%M} UTC. Offer another window, or deny the request. "
            "Nothing was written.",
        )
    return units


@transaction.atomic
def deny(request: CapacityRequest, *, by: User, note: str, at: datetime) -> CapacityRequest:
    """Refuses, with a reason that the requester reads."""
    if not note.strip():
        raise refuse("reason_missing", "Say why; the requester reads it.")
    answer = begin_denial(request, by=by, at=at)
    record(answer, Outcome.DENIED, note=note)
    move(request, RequestEvent.DENY, decided_at=at)
    audit.record(f"{request.kind}.denied", f"request/{request.pk}", actor_id=by.pk, at=at)
    tell_askers(Event.REQUEST_DENIED, request, by=by, at=at, note=note)
    return request


def _check_part(request: CapacityRequest, part: Terms, left: Terms) -> None:
    """I7: inside what was asked, and inside what earlier stages left of it."""
    check_step(request.deployment, part.units)
    if request.kind in (CapacityRequest.Kind.EXTENSION, CapacityRequest.Kind.TRANSFER) and (
        part.window.start != left.window.start
    ):
        raise refuse(
            "not_contiguous",
            f"This {request.get_kind_display().lower()} begins at "
            f"{left.window.start:%a %d %b %H:%M} UTC and nowhere else: no capacity may drop in "
            "between. Approve less of it, or a shorter time.",
        )
    if not lies_inside(part, left):
        most = in_people_units(request.deployment, left.units)
        raise refuse(
            "outside_what_was_asked",
            f"A part must lie inside what was asked: at most {most}, between "
            f"{left.window.start:%a %d %b %H:%M} and {left.window.end:%a %d %b %H:%M} UTC. "
            "Anything else is an offer, which the requester accepts. Nothing was written.",
        )


def part_of(
    request: CapacityRequest,
    *,
    units: int | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Terms:
    """Terms as a form says them: what is left out is as it was asked. Raises DomainError for a
    window that is empty.
    """
    left = agreed_terms(request)
    start = floor_to_minute(starts_at) if starts_at else left.window.start
    end = floor_to_minute(ends_at) if ends_at else left.window.end
    if end <= start:
        raise refuse("ends_before_start", "The end must be after the start.")
    return Terms(left.units if units is None else units, Window(start, end))
