"""The requests of the last 90 days, judged again by another policy: reads rows, asks the domain."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform

from portal.kernel.windows import Window, floor_to_minute
from quotas.domain.availability import Room
from quotas.domain.ledger import Entry, Step
from quotas.domain.policy import Policy
from quotas.domain.policy_facts import RequestFacts
from quotas.domain.policy_judge import judge
from quotas.domain.policy_past import PoolPast
from quotas.domain.policy_replay import Case, Replay, replay
from quotas.domain.states import RequestState
from quotas.models import (
    CapacityRequest,
    Evidence,
    LedgerEntry,
    Pool,
    PoolLimit,
    PoolReserve,
)
from quotas.selectors.policy import Policies
from quotas.selectors.rooms import by_pool

LOOKBACK = timedelta(days=90)
MOST_CASES = 5_000  # the newest; a replay of as many takes a few seconds


def replayed(policy: Policy, *, at: datetime) -> Replay:
    """Of what was sent in `[at − 90 days, at)`, by the facts that were stored with it then."""
    cases = _cases(at)
    return replay(cases, policy, _pools(cases, at))


def _cases(at: datetime) -> list[Case]:
    rows = list(_requests(at))
    facts = _first_facts(rows)
    policies = Policies()
    cases = [_case(row, facts[row.pk], policies) for row in rows if row.pk in facts]
    return cases[::-1]  # in the order in which they were asked


def _requests(at: datetime) -> QuerySet[CapacityRequest]:
    sent = CapacityRequest.objects.exclude(state=RequestState.DRAFT)
    rows = sent.filter(submitted_at__gte=at - LOOKBACK, submitted_at__lt=at)
    return rows.select_related("deployment__pool").order_by("-submitted_at", "-pk")[:MOST_CASES]


def _first_facts(rows: list[CapacityRequest]) -> dict[int, RequestFacts]:
    """As they were when it was sent; a request from before facts were stored has none."""
    found = (
        Evidence.objects.filter(request__in=[row.pk for row in rows])
        .order_by("request_id", "computed_at", "pk")
        .distinct("request_id")
        .values_list("request_id", KeyTransform("policy_facts", "facts"))
    )
    return {request: RequestFacts.from_json(facts) for request, facts in found if facts}


def _case(row: CapacityRequest, facts: RequestFacts, policies: Policies) -> Case:
    pool = row.deployment.pool
    said = judge(facts, policies.of(row.policy_version))
    if pool is None or facts.extra_units <= 0:
        return Case(row.pk, facts, said)
    lead = pool.lead if row.kind in ("burst", "baseline") else timedelta(0)
    start = max(row.starts_at - lead, floor_to_minute(row.submitted_at))
    if start >= row.window.end:
        return Case(row.pk, facts, said)
    wanted = Entry(
        row.deployment_id,
        facts.extra_units,
        Window(start, row.window.end),
        request_id=row.pk,
    )
    return Case(row.pk, facts, said, pool.pk, wanted)


def _pools(cases: list[Case], at: datetime) -> dict[int, PoolPast]:
    """Of the pools that anything was asked of: four queries, however many there are."""
    ids = {case.pool_id for case in cases if case.pool_id}
    if not ids:
        return {}
    touching = LedgerEntry.objects.filter(pool__in=ids, effective_until__gt=at - 2 * LOOKBACK)
    entries = _grouped(by_pool(touching.order_by()))
    limits = _grouped(_limits(ids))
    reserves = _grouped(_reserves(ids))
    return {
        pool.pk: PoolPast(
            entries.get(pool.pk, []),
            _rooms(pool, limits.get(pool.pk, []), reserves.get(pool.pk, [])),
        )
        for pool in Pool.objects.filter(pk__in=ids)
    }


def _grouped(pairs: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for pool_id, value in pairs:
        found.setdefault(pool_id, []).append(value)
    return found


def _limits(ids: set[int]) -> Iterable[tuple[int, PoolLimit]]:
    rows = PoolLimit.objects.filter(pool__in=ids).order_by("observed_at", "pk")
    return ((row.pool_id, row) for row in rows)


def _reserves(ids: set[int]) -> Iterable[tuple[int, PoolReserve]]:
    rows = PoolReserve.objects.filter(pool__in=ids).order_by("set_at", "pk")
    return ((row.pool_id, row) for row in rows)


def _rooms(pool: Pool, limits: list[PoolLimit], reserves: list[PoolReserve]) -> list[Step]:
    """limit − reserve − what is taken outside, from each moment on at which one of them moved."""
    moments = sorted({*(row.observed_at for row in limits), *(row.set_at for row in reserves)})
    return [Step(at, _room(pool, limits, reserves, at).units) for at in moments if limits]


def _room(pool: Pool, limits: list[PoolLimit], reserves: list[PoolReserve], at: datetime) -> Room:
    """As it stood then; before the first limit was told, that one."""
    limit = next((row for row in reversed(limits) if row.observed_at <= at), limits[0])
    before = reserves[0].was_units if reserves else pool.reserve_units
    reserve = next((row.units for row in reversed(reserves) if row.set_at <= at), before)
    return Room(limit.limit_units, reserve, limit.outside_units)
