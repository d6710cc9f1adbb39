"""What the forms beside the burst's begin with: amounts from own use, times of an older request."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from portal.kernel.windows import Window
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Deployment
from quotas.selectors import amounts, words
from quotas.selectors.words import INPUT_FORMAT

ROOM = 1.2  # a baseline of the own peak and a fifth on top is neither tight nor idle
WEEK = timedelta(days=7)
BASELINE, TRANSFER = CapacityRequest.Kind.BASELINE, CapacityRequest.Kind.TRANSFER


def moved_on(window: Window, *, at: datetime, zone: tzinfo) -> Window:
    """The same weekday and wall-clock times in the person's zone, in the first week whose start is
    still to come. So its length in UTC may differ by what a clock change takes or gives (I14).
    """
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    while start <= at:
        start, end = start + WEEK, end + WEEK  # aware arithmetic in one zone keeps the wall clock
    return Window(start, end)


def first_change(deployment: Deployment, facts: dict[str, Any]) -> dict[str, Any]:
    """Direction and amount that would bring the baseline to the own peak and a fifth on top.

    A step more where the use is not known, or the baseline is that already.
    """
    step, base = amounts.step_of(deployment).on_top(), facts["baseline_units"]
    rate, peak = deployment.tokens_per_minute_per_unit, facts["usage"]["peak"]
    wanted = round(peak * ROOM / rate) - base if rate and peak else 0
    least = deployment.minimum_units or 1
    units = step.at_most(min(abs(wanted), max(0, base - least)) if wanted < 0 else wanted)
    amount = amounts.typed(deployment, max(step.minimum, units))
    return {"direction": "less" if wanted < 0 < units else "more", "amount": f"{amount:,}"}


def use_sentence(deployment: Deployment, facts: dict[str, Any]) -> str:
    """The own use that the first amount comes from; says so where none is known."""
    usage, held = facts["usage"], words.amount(deployment, facts["baseline_units"])
    if not usage["peak"]:
        return f"The baseline is {held}. What is used of it is not known for the last 7 days."
    return (
        f"The baseline is {held}; of the last 7 days the p95 minute used {usage['p95']:,} tokens, "
        f"the peak {usage['peak']:,}."
    )


def initial_of(source: CapacityRequest, *, at: datetime, zone: tzinfo) -> dict[str, Any]:
    """What a form begins with that continues a draft, edits a request, or asks again for it.

    Of what has passed only the times change: to the same weekday and hours, still to come. The
    draft of an incident begins now, and is as long as it was.
    """
    deployment = source.deployment
    amount = amounts.typed(deployment, abs(source.units))
    known: dict[str, Any] = {
        "amount": f"{amount:,}",
        "occasion": source.occasion,
        "purpose": source.purpose,
        "direction": "less" if source.units < 0 else "more",
        "to_deployment": source.to_deployment_id or "",
        "starts_now": source.starts_at <= at and source.ends_at is None,
    }
    if _is_now(source, at):
        end = (at + source.window.length).astimezone(zone)
        return {**known, "starts_now": True, "ends_at": end.strftime(INPUT_FORMAT)}
    if source.ends_at is None:
        start = max(source.starts_at, at).astimezone(zone)
        return {**known, "starts_at": start.strftime(INPUT_FORMAT)}
    window = moved_on(source.window, at=at, zone=zone)
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    return {
        **known,
        "starts_at": start.strftime(INPUT_FORMAT),
        "ends_at": end.strftime(INPUT_FORMAT),
    }


def _is_now(source: CapacityRequest, at: datetime) -> bool:
    is_draft = source.state == RequestState.DRAFT and source.ends_at is not None
    is_incident = source.occasion == CapacityRequest.Occasion.INCIDENT
    return is_draft and is_incident and source.starts_at <= at
