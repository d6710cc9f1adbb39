"""Editing what was sent: what raises it starts the review again, what lowers it keeps the yeses."""

from datetime import datetime

from django.db import transaction

from portal.models import User
from portal.outbox import Event
from quotas.domain.stages import stages_from_json
from quotas.domain.states import EDITABLE_REQUEST_STATES, RequestEvent, RequestState
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Decision
from quotas.services import policy, progress
from quotas.services.answering import Answer, lock_with_pool, record, record_own
from quotas.services.asking import Draft, fields_of
from quotas.services.checks import check_asker, check_draft
from quotas.services.content import restage, rewrite
from quotas.services.refusals import refuse
from quotas.services.requests import policy_answer
from quotas.services.ruling import Ruling, rule
from quotas.services.stages import Voice, not_open, voices
from quotas.services.telling import tell_approvers

Outcome = Decision.Outcome


@transaction.atomic
def edit(request: CapacityRequest, draft: Draft, *, by: User, at: datetime) -> CapacityRequest:
    """Asks for something else in the same request: judged anew, with fresh evidence.

    Amount, window and words may change; the kind, the service and the deployment may not. A
    question that was open is answered by it. Raises DomainError as asking does, and
    ChangedMeanwhile where somebody decided this very moment; then nothing is written.
    """
    check_asker(request, by)
    if request.state not in EDITABLE_REQUEST_STATES:
        raise not_open(request)
    fields = _fields(request, draft, by, at=at)
    if all(getattr(request, name) == value for name, value in fields.items()):
        raise refuse("nothing_changed", "Nothing is different from what was asked already.")
    pool = lock_with_pool(request)
    old = stages_from_json(request.stages)
    changed = rewrite(request, fields, at=at)
    ruling = rule(request, at=at)
    _note_version(request, ruling)
    if ruling.verdict.automatic:
        return _approve(request, ruling, at=at)
    restage(request, ruling.verdict.stages, changed, old)
    facts, seen = ruling.judged.facts, ruling.seen
    answer = Answer(request, by, Voice(), seen, facts, ruling.version, pool, at)
    note = (
        "Raised: everybody is asked again." if changed.raised else "Lowered: what was said holds."
    )
    decision = record_own(request, Outcome.EDITED, by=by, note=note, at=at)
    went_on = progress.go_on(answer, decision, event=RequestEvent.EDIT)
    if went_on.state == RequestState.IN_REVIEW:
        tell_approvers(Event.REQUEST_EDITED, request, by=by, at=at, occurrence=decision.pk)
    return went_on


def _fields(request: CapacityRequest, draft: Draft, by: User, *, at: datetime) -> dict[str, object]:
    """The columns that may change. Raises DomainError for what makes it another request."""
    same = (request.kind, request.service_id, request.deployment_id, request.to_deployment_id)
    to = draft.to_deployment.pk if draft.to_deployment else None
    if same != (draft.kind, draft.service.pk, draft.deployment.pk, to):
        raise refuse(
            "another_request",
            "Kind, service and deployment of a request stay as they are. Withdraw it, and ask "
            "anew for the other one.",
        )
    _, rules = policy.current(at=at)
    terms: Terms = check_draft(draft, rules, by=by, at=at, edited=request)
    fields = fields_of(draft, terms)
    names = ("units", "starts_at", "ends_at", "occasion", "purpose", "accepts_provisioned_release")
    return {name: fields[name] for name in names}


def _note_version(request: CapacityRequest, ruling: Ruling) -> None:
    request.policy_version = ruling.version
    CapacityRequest.objects.filter(pk=request.pk).update(policy_version=ruling.version)


def _approve(request: CapacityRequest, ruling: Ruling, *, at: datetime) -> CapacityRequest:
    """Now small enough for the policy's own yes."""
    if request.state == RequestState.NEEDS_INFO:
        progress.open_stage(request, request.stage, event=RequestEvent.EDIT, at=at)
    CapacityRequest.objects.filter(pk=request.pk).update(stages=[], stage=0)
    request.stages, request.stage = [], 0
    answer = policy_answer(request, ruling, at=at)
    said = record(answer, Outcome.APPROVED)
    return progress.grant(answer, said, voices(request))
