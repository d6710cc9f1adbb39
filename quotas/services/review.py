"""Opening a review and its stages. Who may answer, and what an answer does, is in `decisions`."""

from collections.abc import Sequence
from datetime import datetime

from quotas.domain.stages import Stage
from quotas.domain.states import RequestEvent, RequestState, deadline
from quotas.models import CapacityRequest
from quotas.services.transitions import move


def begin(request: CapacityRequest, stages: Sequence[Stage], *, at: datetime) -> CapacityRequest:
    """Opens the first of these stages, which the request keeps."""
    return move(
        request,
        RequestEvent.REVIEW,
        stages=[stage.as_json() for stage in stages],
        stage=1,
        deadline_at=deadline(
            RequestState.IN_REVIEW,
            since=at,
            ends_at=request.window.end,
            stage_hours=stages[0].hours,
        ),
    )
