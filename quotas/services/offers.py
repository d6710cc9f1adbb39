"""Offering something else: an approver names an amount and a window, the requester takes it in one
click, declines, or lets it lapse. An offer that is held keeps its room in the pool until then.
"""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.windows import FOREVER, Window, floor_to_minute
from portal.models import User
from portal.outbox import Event
from quotas.domain.stages import stages_from_json
from quotas.domain.states import RequestEvent, RequestState, deadline
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Decision, LedgerEntry
from quotas.services import granting, policy, progress
from quotas.services.answering import (
    Answer,
    agreed_terms,
    begin,
    lock_request,
    lock_with_pool,
    part_terms,
    record,
    record_own,
)
from quotas.services.asking import terms_of
from quotas.services.checks import check_asker, check_length, check_step
from quotas.services.content import Changed, carry, restage, rewrite
from quotas.services.refusals import refuse
from quotas.services.reversing import release_holds
from quotas.services.ruling import rule
from quotas.services.stages import Voice
from quotas.services.telling import tell_approvers, tell_askers
from quotas.services.transitions import move

Kind, Outcome = CapacityRequest.Kind, Decision.Outcome


@transaction.atomic
def counter_offer(
    request: CapacityRequest, terms: Terms, *, by: User, note: str, at: datetime, held: bool = True
) -> CapacityRequest:
    """Offers these terms instead, by whoever may decide the open stage.

    With `held` a ledger entry of kind hold keeps the room (none in Azure) until it is answered.
    Raises DomainError for terms that cannot be or do not fit, or that were asked for already.
    """
    answer = begin(request, by=by, at=at)
    offer = Terms(terms.units, _rounded(terms.window))
    _check_offer(answer, offer)
    window = granting.granted_window(offer.window, granting.lead_of(request, answer.pool), at)
    granting.check_fit(request.deployment, answer.pool, window, offer.units)
    made = record(answer, Outcome.COUNTER_OFFERED, note=note, terms=offer)
    if held:
        written = granting.Grant(request, offer, answer.pool, by.pk, at)
        hold = LedgerEntry.Kind.HOLD
        granting.enter(written, request.deployment, request.service, window, kind=hold)
    due = deadline(RequestState.COUNTER_OFFERED, since=at, ends_at=offer.window.end)
    move(request, RequestEvent.COUNTER_OFFER, deadline_at=due)
    audit.record(
        f"{request.kind}.counter_offered",
        f"request/{request.pk}",
        actor_id=by.pk,
        at=at,
        decision=made.pk,
        units=offer.units,
        held=held,
    )
    tell_askers(
        Event.REQUEST_COUNTER_OFFERED,
        request,
        by=by,
        at=at,
        terms=offer,
        note=note,
        occurrence=made.pk,
    )
    return request


def _rounded(window: Window) -> Window:
    end = window.end if window.end == FOREVER else floor_to_minute(window.end)
    start = floor_to_minute(window.start)
    if end <= start:
        raise refuse("ends_before_start", "The end must be after the start.")
    return Window(start, end)


def _check_offer(answer: Answer, offer: Terms) -> None:
    request = answer.request
    if request.kind not in (Kind.BURST, Kind.BASELINE) or offer.units <= 0:
        raise refuse(
            "no_offer_here",
            "Only for more capacity, as a burst or a baseline, can something else be offered. "
            "Approve a part, or deny with the reason.",
        )
    if offer == agreed_terms(request):
        raise refuse("as_asked", "That is what was asked for: approve it.")
    check_step(request.deployment, offer.units)
    lasts = offer.window.end == FOREVER
    if lasts != (request.kind == Kind.BASELINE):
        raise refuse("other_kind", "A burst has an end and a baseline has none; offer the same.")
    if offer.window.start < floor_to_minute(answer.at) and offer.window.start != request.starts_at:
        raise refuse("start_in_the_past", "That start has passed. Offer a later one.")
    if request.kind == Kind.BURST:
        check_length(offer.window, policy.current(at=answer.at)[1])


def open_offer(request: CapacityRequest) -> Decision | None:
    """The offer that waits for the requester; None where none does."""
    if request.state != RequestState.COUNTER_OFFERED:
        return None
    return request.decisions.filter(outcome=Outcome.COUNTER_OFFERED).order_by("-at", "-pk").first()


@transaction.atomic
def accept(request: CapacityRequest, *, by: User, at: datetime) -> CapacityRequest:
    """Takes the offer in one click: it becomes what is asked, with the yes of who made it.

    Stages that approved more than is asked now still stand; those that did not, and any that the
    policy adds for the new terms, are asked. Granted at once where none is left. Raises DomainError
    where it no longer fits (only an offer that was not held).
    """
    check_asker(request, by)
    pool = lock_with_pool(request)
    offer = _offer(request)
    release_holds(request, reason="The offer was accepted.", by_id=by.pk, at=at)
    said = record_own(request, Outcome.ACCEPTED, by=by, note="", at=at)
    old, stage = stages_from_json(request.stages), request.stage
    changed = rewrite(request, _fields(part_terms(offer, terms_of(request))), at=at)
    ruling = rule(request, at=at)
    more = [s for s in ruling.verdict.stages if s not in old]
    restage(request, [*old, *more], _without(changed, offer), old)
    carry(offer, request, stage)
    answer = Answer(
        request, by, Voice(), ruling.seen, ruling.judged.facts, ruling.version, pool, at
    )
    went_on = progress.go_on(answer, said, event=RequestEvent.ACCEPT)
    tell_approvers(
        Event.REQUEST_ANSWERED, request, by=by, at=at, answer="accepted.", occurrence=said.pk
    )
    return went_on


def _fields(terms: Terms) -> dict[str, object]:
    end = None if terms.window.end == FOREVER else terms.window.end
    return {"units": terms.units, "starts_at": terms.window.start, "ends_at": end}


def _without(changed: Changed, offer: Decision) -> Changed:
    """The one who offered says yes by the offer; an earlier yes of theirs is not needed."""
    kept = tuple(row for row in changed.kept if row.decided_by_id != offer.decided_by_id)
    return Changed(changed.raised, kept)


def _offer(request: CapacityRequest) -> Decision:
    offer = open_offer(request)
    if offer is None:
        raise refuse("no_offer", "No offer waits for an answer here; nothing was changed.")
    return offer


@transaction.atomic
def decline(request: CapacityRequest, *, by: User, at: datetime, note: str = "") -> CapacityRequest:
    """Stays with what was asked: the review goes on at the same stage, what was held is free."""
    check_asker(request, by)
    lock_request(request)
    _offer(request)
    release_holds(request, reason="The offer was declined.", by_id=by.pk, at=at)
    said = record_own(request, Outcome.DECLINED, by=by, note=note, at=at)
    progress.open_stage(request, request.stage, event=RequestEvent.DECLINE, at=at)
    audit.record(f"{request.kind}.offer_declined", f"request/{request.pk}", actor_id=by.pk, at=at)
    tell_approvers(
        Event.REQUEST_ANSWERED,
        request,
        by=by,
        at=at,
        answer=f"declined the offer. {note}".strip(),
        occurrence=said.pk,
    )
    return request
