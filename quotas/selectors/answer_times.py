"""How long people usually take to answer: of the last 90 days, never of a few."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import (
    Aggregate,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    QuerySet,
)

from quotas.domain.stages import Stage
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Decision

LOOKBACK = timedelta(days=90)
LEAST_DECISIONS = 10  # below, a median says more about chance than about the approvers
BY_PEOPLE = ("approved", "partial", "denied")


class Median(Aggregate):
    """Of a duration; PostgreSQL's percentile_cont."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def usual_answer(stages: Sequence[Stage], *, at: datetime) -> timedelta | None:
    """From the submit to the last answer, of requests that the same stages decided in the last 90
    days. None where fewer than ten were.
    """
    took = ExpressionWrapper(F("decided_at") - F("submitted_at"), output_field=DurationField())
    found = _decided(stages, at).aggregate(n=Count("pk"), median=Median(took))
    median: timedelta | None = found["median"]
    return median if found["n"] >= LEAST_DECISIONS else None


def _decided(stages: Sequence[Stage], at: datetime) -> "QuerySet[CapacityRequest]":
    """Stages are the same when there are as many of the same names."""
    answers = Decision.objects.filter(
        request=OuterRef("pk"), outcome__in=BY_PEOPLE, decided_by__isnull=False
    )
    rows = CapacityRequest.objects.filter(
        Exists(answers),
        state__in=[RequestState.APPROVED, RequestState.DENIED],
        decided_at__gte=at - LOOKBACK,
        decided_at__lte=at,
        stages__contains=[{"name": stage.name} for stage in stages],
    )
    return rows.filter(**{f"stages__{len(stages)}__isnull": True})
