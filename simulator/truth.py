"""What really happened, which no metric tells: demand, attempts, and why requests were refused.

For tests of what explains incidents from metrics. A refusal is put down to the first of these
without which it would not have happened, each tried by serving the day again without it:

    lowered_limit        the service granted less than the capacity stands for
    neighbour            somebody else's requests on the same deployment
    max_tokens           ``max_tokens`` was larger than what was generated
    request_slices       too many requests in ten seconds, though not in the minute
    requests_per_minute  too many requests in the minute
    tokens_per_minute    too many tokens in the minute; ptu_full on provisioned deployments

Counts are of requests, a retried one counting once; the sum over causes is ``refused`` exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from simulator.hashing import Ints
from simulator.outcome import Situation, admitted
from simulator.traffic import Served
from simulator.world import Deployment

CAUSES = (
    "lowered_limit", "neighbour", "max_tokens", "request_slices", "requests_per_minute",
    "tokens_per_minute", "ptu_full",
)  # fmt: skip


def truth_of_day(served: Served, deployment: Deployment, day: int) -> dict[str, Ints]:
    """Arrays of 1440 minutes by name; causes are named ``refused_by_…``. Nothing before it existed.

    ``served`` and ``errors`` are the deployment's own requests; ``attempts`` are those it received
    with all retries; what other deployments spilled onto it counts apart.
    """
    case, seen = served.situation(deployment, day), served.day(deployment, day)
    demand, exists = case.demand, (case.capacity > 0).astype(np.int64)
    own = demand if demand.own is None else demand.own
    refused = _refused(case)
    rows = {
        "demanded_requests": demand.requests * exists,
        "demanded_prompt_tokens": demand.prompt * exists,
        "demanded_generated_tokens": demand.generated * exists,
        "neighbour_requests": (demand.requests - own.requests) * exists,
        "cached_prompt_tokens": seen.cached * exists,
        "attempts": seen.total(is_spillover=False),
        "served": seen.total(200, is_spillover=False),
        "errors": seen.total(400) + seen.total(500),
        "refused": refused,
        "spilled_away": seen.total(429, spilled_away=True),
        "spilled_in_served": seen.total(200, is_spillover=True),
        "spilled_in_refused": seen.total(429, is_spillover=True),
    }
    return rows | {f"refused_by_{cause}": count for cause, count in _causes(case, refused).items()}


def _refused(case: Situation) -> Ints:
    left: Ints = case.demand.requests - admitted(case).batch.requests
    return left * (case.capacity > 0)


def _causes(case: Situation, refused: Ints) -> dict[str, Ints]:
    counts = {cause: np.zeros_like(refused) for cause in CAUSES}
    left = refused
    for cause, relaxed in _without(case):
        # Never below nothing: without one thing another may come to bear.
        still = np.minimum(_refused(relaxed), left)
        counts[cause], left = left - still, still
    last = "ptu_full" if case.deployment.sku.is_provisioned else "tokens_per_minute"
    return counts | {last: left}


def _without(case: Situation) -> Iterator[tuple[str, Situation]]:
    """The day again, each time with one thing less in the way."""
    case = replace(case, lowered=np.ones_like(case.lowered))
    yield "lowered_limit", case
    if case.demand.own is not None:
        case = replace(case, demand=case.demand.own)
        yield "neighbour", case
    case = _with_callers(case, max_tokens_factor=1.0)
    yield "max_tokens", case
    case = _with_callers(case, request_slices=False)
    yield "request_slices", case
    yield "requests_per_minute", replace(case, unlimited_requests=True)


def _with_callers(case: Situation, **changes: float | bool) -> Situation:
    traffic = case.deployment.traffic
    changed = replace(traffic, callers=replace(traffic.callers, **changes))  # type: ignore[arg-type]
    return replace(case, deployment=replace(case.deployment, traffic=changed))
