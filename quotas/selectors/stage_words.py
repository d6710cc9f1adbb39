"""Stages of a review in words: whose turn it is, what comes after, who said yes before."""

from collections.abc import Iterable

from quotas.domain.stages import ALL_OF, Stage, stages_from_json
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Decision
from quotas.selectors import words


def stage_line(request: CapacityRequest) -> str:
    """`Stage 1 of 2, Platform owners; then Finance`; "" where no stage is open."""
    stages = stages_from_json(request.stages)
    if not 0 < request.stage <= len(stages):
        return ""
    here, *later = [_named(stage) for stage in stages[request.stage - 1 :]]
    if len(stages) == 1:
        return f"Only stage: {here}"
    then = f"; then {', '.join(later)}" if later else "; the last one"
    return f"Stage {request.stage} of {len(stages)}, {here}{then}"


def _named(stage: Stage) -> str:
    return f"{stage.name} (all of them)" if stage.mode == ALL_OF else stage.name


def approvals_of(requests: Iterable[CapacityRequest]) -> dict[int, list[str]]:
    """By request id, who said yes to what is asked now: one query for all of them."""
    by_id = {request.pk: request for request in requests}
    rows = Decision.objects.filter(
        request__in=by_id, outcome__in=Decision.APPROVALS, voided_at__isnull=True
    )
    found: dict[int, list[str]] = {}
    for row in rows.select_related("decided_by", "delegated_by").order_by("at", "pk"):
        request = by_id[row.request_id]
        if row.content_hash == request.content_hash:
            found.setdefault(row.request_id, []).append(_approval(row, request))
    return found


def _approval(row: Decision, request: CapacityRequest) -> str:
    part = "" if row.units is None else f" to {words.amount(request.deployment, row.units)} of it"
    return f"{spoken_by(row)} said yes{part} at stage {row.stage}"


def spoken_by(row: Decision) -> str:
    """`Olga for Cleo` where a delegate decided. Needs both people."""
    who = words.person_name(row.decided_by, nobody=f"the policy, version {row.policy_version}")
    return f"{who} for {row.delegated_by.display_name}" if row.delegated_by else who


def what_became(request: CapacityRequest) -> str:
    """After an answer, in words that follow `Request #12`."""
    if request.state == RequestState.IN_REVIEW:
        return f"has your yes; {stage_line(request)}"
    return {
        RequestState.APPROVED: "is approved",
        RequestState.DENIED: "is denied",
        RequestState.NEEDS_INFO: "waits for the answer to your question",
        RequestState.COUNTER_OFFERED: "waits for the answer to your offer",
    }[RequestState(request.state)]


def what_follows(request: CapacityRequest) -> str:
    """After an accepted offer, for whoever asked; it follows `request #12`."""
    if request.state == RequestState.APPROVED:
        return "is approved"
    return f"goes on in review; {stage_line(request)}"
