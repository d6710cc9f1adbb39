"""The one way a request changes its state: along the table, by compare-and-swap."""

from datetime import datetime

from portal.kernel.errors import ChangedMeanwhile
from portal.outbox import nothing_to_decide
from quotas.domain.states import (
    TERMINAL_REQUEST_STATES,
    RequestEvent,
    RequestState,
    next_request_state,
)
from quotas.models import CapacityRequest


def move(request: CapacityRequest, event: RequestEvent, **fields: object) -> CapacityRequest:
    """Moves the row and the object, `fields` with them, and returns the object.

    Raises ChangedMeanwhile when somebody else moved it first, TransitionNotAllowed when the event
    leads nowhere from here; then nothing is written. Whoever was asked to decide on a request that
    ends has nothing to decide any more: those messages count as read.
    """
    old = RequestState(request.state)
    new = next_request_state(old, event)
    if new in TERMINAL_REQUEST_STATES:
        fields = {**fields, "deadline_at": None}
    moved = CapacityRequest.objects.filter(pk=request.pk, state=old).update(state=new, **fields)
    if not moved:
        raise ChangedMeanwhile(f"Request #{request.pk}")
    decided_at = fields.get("decided_at")
    if new in TERMINAL_REQUEST_STATES and isinstance(decided_at, datetime):
        nothing_to_decide(f"request/{request.pk}", at=decided_at)
    for name, value in {"state": new, **fields}.items():
        setattr(request, name, value)
    return request
