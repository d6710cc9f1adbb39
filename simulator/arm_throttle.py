"""What ARM's throttling shows a client: headers on every answer, 429 with ``Retry-After``.

Which of the two codes belongs to which bucket is not verified; both are known to be used.
"""

from __future__ import annotations

from simulator.knobs import Knobs
from simulator.state import State
from simulator.throttling import OPERATIONS, Rate, Taken
from simulator.web import ArmError

_HEADER = "x-ms-ratelimit-remaining"


def throttle_headers(
    state: State, method: str, subscription: str | None, principal: str
) -> tuple[dict[str, str], ArmError | None]:
    """The headers of the answer, and the refusal when there were too many calls."""
    operation, scope = OPERATIONS.get(method, "writes"), (subscription or "").lower()
    rate, for_all = _rates(state.knobs, operation)
    taken = state.throttle.take(scope, principal, operation, rate, for_all if scope else None)
    return _headers(operation, taken), _refusal(subscription or "", operation, taken)


def _rates(knobs: Knobs, operation: str) -> tuple[Rate, Rate]:
    figures = {
        "reads": (knobs.arm_reads_bucket, knobs.arm_reads_per_second),
        "writes": (knobs.arm_writes_bucket, knobs.arm_writes_per_second),
        "deletes": (knobs.arm_deletes_bucket, knobs.arm_deletes_per_second),
    }
    rate = Rate(*figures[operation]).times(knobs.arm_throttle_factor)
    return rate, rate.times(knobs.arm_subscription_factor)


def _headers(operation: str, taken: Taken) -> dict[str, str]:
    if taken.left_for_all is None:
        return {f"{_HEADER}-tenant-{operation}": str(taken.left)}
    return {
        f"{_HEADER}-subscription-{operation}": str(taken.left),
        f"{_HEADER}-subscription-global-{operation}": str(taken.left_for_all),
    }


def _refusal(subscription: str, operation: str, taken: Taken) -> ArmError | None:
    if taken.wait_seconds is None:
        return None
    wait = {"Retry-After": str(taken.wait_seconds)}
    if taken.refused_by == "subscription":
        return ArmError(
            429, "SubscriptionRequestsThrottled",
            f"Number of '{operation}' requests for subscription '{subscription}' exceeded the "
            f"limit. Please try again after '{taken.wait_seconds}' seconds.",
            wait,
        )  # fmt: skip
    return ArmError(
        429, "TooManyRequests",
        f"The request is being throttled as the limit of '{operation}' has been reached. Please "
        f"try again after '{taken.wait_seconds}' seconds.",
        wait,
    )  # fmt: skip
