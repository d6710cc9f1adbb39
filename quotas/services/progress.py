"""After an answer: the next stage opens, or everything is granted."""

from collections.abc import Sequence
from datetime import datetime

from portal import audit
from portal.outbox import Event
from quotas.domain.stages import stages_from_json
from quotas.domain.states import RequestEvent, RequestState, deadline
from quotas.models import CapacityRequest, Decision
from quotas.services import granting
from quotas.services.answering import Answer, agreed_terms
from quotas.services.asking import terms_of
from quotas.services.stages import SPOKEN_COLUMNS, Spoken, first_unanswered, voices
from quotas.services.telling import tell_approvers, tell_askers
from quotas.services.transitions import move


def go_on(
    answer: Answer, decision: Decision, *, event: RequestEvent = RequestEvent.ADVANCE
) -> CapacityRequest:
    """Opens the first stage that is not answered yet; grants where none is left.

    `event` is what leads into the review again (an edit, an accepted offer). One audit row.
    """
    request, spoken = answer.request, _spoken(answer, decision)
    number = first_unanswered(request, spoken, at=answer.at, asked=answer.asked)
    if not number:
        return grant(answer, decision, spoken)
    if event == RequestEvent.ADVANCE and number == request.stage:
        audit.record(  # one of several who all have to say yes
            f"{request.kind}.stage_approved",
            f"request/{request.pk}",
            actor_id=answer.by_id,
            at=answer.at,
            decision=decision.pk,
            stage=number,
        )
        return request
    open_stage(request, number, event=event, at=answer.at)
    audit.record(
        f"{request.kind}.{_VERBS[event]}",
        f"request/{request.pk}",
        actor_id=answer.by_id,
        at=answer.at,
        decision=decision.pk,
        stage=number,
    )
    tell_approvers(
        Event.REQUEST_SUBMITTED, request, by=answer.by, at=answer.at, occurrence=decision.pk
    )
    return request


def _spoken(answer: Answer, decision: Decision) -> Sequence[Spoken]:
    """Every approval that stands now. What was heard before, under the lock of the request, and the
    one just written are all there are.
    """
    if answer.voice.heard is None:
        return voices(answer.request)
    last = (getattr(decision, name) for name in SPOKEN_COLUMNS)
    return [*answer.voice.heard, Spoken(*last)]


_VERBS = {
    RequestEvent.ADVANCE: "stage_approved",
    RequestEvent.EDIT: "edited",
    RequestEvent.ACCEPT: "offer_accepted",
}


def open_stage(
    request: CapacityRequest, number: int, *, event: RequestEvent, at: datetime
) -> CapacityRequest:
    """Moves the request to this stage of its review, with the stage's own limit from now on."""
    stage = stages_from_json(request.stages)[number - 1]
    due = deadline(
        RequestState.IN_REVIEW, since=at, ends_at=request.window.end, stage_hours=stage.hours
    )
    fields: dict[str, object] = {"stage": number, "deadline_at": due, "stages": request.stages}
    if number != request.stage:
        fields |= {"reminded_at": None, "escalated_at": None}
    return move(request, event, **fields)


def grant(answer: Answer, decision: Decision, spoken: Sequence[Spoken]) -> CapacityRequest:
    """Writes the ledger and ends the review. Raises DomainError where it no longer fits; then the
    whole transaction is undone.
    """
    request, terms = answer.request, agreed_terms(answer.request, spoken)
    granting.write(
        granting.Grant(request, terms, answer.pool, answer.by_id, answer.at, tuple(spoken))
    )
    move(request, RequestEvent.APPROVE, decided_at=answer.at)
    in_part = {} if terms == terms_of(request) else {"asked": request.units}
    audit.record(
        f"{request.kind}.approved",
        f"request/{request.pk}",
        actor_id=answer.by_id,
        at=answer.at,
        decision=decision.pk,
        units=terms.units,
        policy=decision.policy_version,
        **in_part,
    )
    tell_askers(
        Event.REQUEST_APPROVED, request, by=answer.by, at=answer.at, terms=terms, note=decision.note
    )
    return request
