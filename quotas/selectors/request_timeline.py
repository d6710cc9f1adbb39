"""The story of one request: who, what, when and why, and what time will do next. Oldest first."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from portal.kernel.windows import FOREVER, Window
from portal.models import Notice
from portal.outbox import Event as Told
from quotas.domain.grants import Phase
from quotas.domain.stages import stages_from_json
from quotas.domain.states import OPEN_REQUEST_STATES, ChangeState, RequestState
from quotas.models import CapacityRequest, Change, Decision
from quotas.selectors import statuses, words
from quotas.selectors.changes import what_azure_said
from quotas.selectors.requests import RequestRow
from quotas.selectors.stage_words import spoken_by

Event = dict[str, Any]
Moment = tuple[datetime, Event]
Outcome = Decision.Outcome
TONES = {
    Outcome.APPROVED: "ok",
    Outcome.PARTIAL: "ok",
    Outcome.ACCEPTED: "ok",
    Outcome.DENIED: "danger",
    Outcome.REVOKED: "danger",
}
TOLD = {
    Told.REQUEST_REMINDER: "Approvers were reminded",
    Told.REQUEST_ESCALATED: "Came to the fallback approvers too",
    Told.REQUEST_LATE: "Passed its start without an answer",
}
IF_UNANSWERED = {
    RequestState.IN_REVIEW: "Times out, unless somebody decides",
    RequestState.NEEDS_INFO: "Times out, unless the question is answered",
    RequestState.COUNTER_OFFERED: "The offer lapses, unless it is answered",
}


def timeline(request: CapacityRequest, row: RequestRow, *, at: datetime) -> list[Event]:
    """For templates/components/timeline.html; what is still to come says how long until then."""
    asked = _event("Asked", by=row.requester, text=request.purpose)
    events = [(request.submitted_at, asked)]
    events += [*_decisions(request, at=at), *_told(request), *_children(request)]
    if request.state in (RequestState.WITHDRAWN, RequestState.TIMED_OUT) and request.decided_at:
        word = statuses.OF_REQUEST[RequestState(request.state)].word
        events.append((request.decided_at, _event(word)))
    events += [moment for change in _changes(request) for moment in _applied(change)]
    events += [*_edges(request, row, at=at), *_deadline(request)]
    events.sort(key=lambda pair: pair[0])
    return [_placed(event, when, at) for when, event in events]


def _placed(event: Event, when: datetime, at: datetime) -> Event:
    until = words.age(when, now=at) if event.get("todo") else ""
    return {**event, "at": words.moment(when, now=at), "until": until}


def _event(title: str, *, by: str = "", text: str = "", tone: str = "") -> Event:
    return {"title": title, "by": by, "text": text, "tone": tone}


def _decisions(request: CapacityRequest, *, at: datetime) -> list[Moment]:
    """An approval that was carried over to what is asked now is told once, when it was given."""
    rows = list(request.decisions.select_related("decided_by", "delegated_by"))
    carried = {row.carried_from_id for row in rows}
    return [
        (row.at, _decided(request, row, void=row.pk not in carried, at=at))
        for row in rows
        if row.carried_from_id is None
    ]


def _decided(request: CapacityRequest, row: Decision, *, void: bool, at: datetime) -> Event:
    is_void = bool(row.voided_at) and void
    parts = [_terms(request, row, at=at), row.note, "Void: what is asked changed." * is_void]
    stages = stages_from_json(request.stages)
    title = str(row.get_outcome_display())
    if len(stages) > 1 and row.outcome in TONES and 0 < row.stage <= len(stages):
        title = f"{title} at stage {row.stage}, {stages[row.stage - 1].name}"
    tone = "" if is_void else TONES.get(Outcome(row.outcome), "")
    return _event(title, by=spoken_by(row), text=" ".join(p for p in parts if p), tone=tone)


def _terms(request: CapacityRequest, row: Decision, *, at: datetime) -> str:
    """`30k TPM, Tue 3 Mar, 10:00–16:00.`; "" where all was meant that was asked."""
    if row.units is None:
        return ""
    window = Window(row.starts_at or request.starts_at, row.ends_at or request.window.end)
    span = words.span(window.start, window.end, now=at)
    return f"{words.amount(request.deployment, row.units)}, {span}."


def _told(request: CapacityRequest) -> list[Moment]:
    rows = Notice.objects.filter(subject=f"request/{request.pk}", event__in=list(TOLD))
    return [(row.at, _event(TOLD[Told(row.event)])) for row in rows]


def _children(request: CapacityRequest) -> list[Moment]:
    """What was asked of this grant later: an extension, a give-back."""
    return [
        (
            child.submitted_at,
            _event(
                f"{child.get_kind_display()} #{child.pk}",
                by=child.requester.display_name,
                text=f"{words.on_top(request.deployment, child.units)}. {child.purpose}",
            ),
        )
        for child in request.children.sent().select_related("requester")
    ]


def _changes(request: CapacityRequest) -> list[Change]:
    rows = Change.objects.filter(because__contains=[{"request": request.pk}])
    replaced = Q(state=ChangeState.SUPERSEDED, written_at__isnull=True, gave_up_at__isnull=True)
    kept = rows.exclude(replaced)
    return list(kept.order_by("planned_at", "pk"))


def _applied(change: Change) -> list[Moment]:
    step = f"{change.from_units:,} → {change.to_units:,} units"
    found = []
    if change.written_at:
        found.append((change.written_at, _event("Written to Azure", text=step)))
    if change.verified_at:
        read = f"{change.read_back_units:,} units"
        found.append((change.verified_at, _event("Read back from Azure", text=read, tone="ok")))
    elif change.error_reason:
        text = what_azure_said(change)
        found.append((change.planned_at, _event("Not applied", text=text, tone="danger")))
    if change.gave_up_at:
        found.append((change.gave_up_at, _event("Never applied; no longer tried", tone="danger")))
    return found


def _edges(request: CapacityRequest, row: RequestRow, *, at: datetime) -> list[Moment]:
    if row.grant is None:
        return []
    entry, back = row.grant.entry, row.grant.given_back_at
    if back and back <= at:
        text = "From here on the ledger holds nothing of it."
        return [(back, _event("Given back", tone="ok", text=text))]
    end = back or entry.effective_until
    found = [(end, _event("Ended") if end <= at else _to_come("Ends by itself"))]
    if row.grant.phase == Phase.UPCOMING:
        found.append((request.starts_at, _to_come("Starts by itself")))
    return [moment for moment in found if moment[0] != FOREVER]


def _deadline(request: CapacityRequest) -> list[Moment]:
    if request.state not in OPEN_REQUEST_STATES or request.deadline_at is None:
        return []
    said = IF_UNANSWERED.get(RequestState(request.state), "Ends by time alone")
    return [(request.deadline_at, _to_come(said))]


def _to_come(title: str) -> Event:
    return {**_event(title), "todo": True}
