"""Bursts that go on, as the database finds them: exactly those of which the grant says so."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any

from portal.kernel.windows import FOREVER
from portal.models import User
from quotas.domain.grants import LIVE, Phase
from quotas.models import CapacityRequest, Change, Deployment, LedgerEntry, Plan, Pool, Service
from quotas.selectors.bursts_on import not_over
from quotas.selectors.grants import grants_of
from quotas.selectors.home import waiting_for
from quotas.selectors.requests import with_names
from quotas.tests.conftest import ask
from quotas.tests.factories import utc

LONG_AGO = utc("2000-01-01 00:00")
BEFORE, TEN, NOON, FOUR, SIX, AFTER = (
    utc(f"2026-03-03 {clock}") for clock in ("09:50", "10:00", "12:00", "16:00", "18:00", "18:20")
)
MOMENTS = (BEFORE, TEN, utc("2026-03-03 11:00"), NOON, FOUR, SIX, AFTER)
STEADY, GRANTED = 100, 60
# What was taken back: nothing, all, from the middle on, before the middle, parts that overlap.
TAKEN: tuple[tuple[tuple[datetime, datetime, int], ...], ...] = (
    (),
    ((TEN, SIX, GRANTED),),
    ((NOON, SIX, GRANTED),),
    ((TEN, NOON, GRANTED),),
    ((NOON, SIX, 20),),
    ((NOON, SIX, 20), (FOUR, SIX, 40)),
    ((TEN, FOUR, GRANTED), (FOUR, SIX, 10)),
)
VERIFIED = (None, BEFORE, TEN, utc("2026-03-03 12:01"), SIX)
IN_AZURE = (STEADY - 10, STEADY, STEADY + 40, STEADY + GRANTED)
BEING_READ_BACK = (None, STEADY, STEADY + 40)


def assert_the_database_knows_which_bursts_go_on(*, at: datetime) -> None:
    """Of all that was ever granted."""
    rows = with_names(CapacityRequest.objects.filter(state="approved", ends_at__isnull=False))
    grants = grants_of(list(rows), at=at)
    found = CapacityRequest.objects.filter(pk__in=not_over(since=LONG_AGO, before=FOREVER, at=at))
    going_on = {pk for pk, grant in grants.items() if grant.phase != Phase.OVER}
    assert set(found.values_list("pk", flat=True)) == going_on


def copied(row: Any, **facts: Any) -> Any:
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return type(row)(**{**fields, "id": None, **facts})


def granted_in_every_way(service: Service, by: User) -> None:
    """Each with a deployment of its own, so that none has to do with another."""
    ways = list(product(TAKEN, VERIFIED, IN_AZURE, BEING_READ_BACK))
    asked = ask(service, by, units=GRANTED, starts_at=TEN, ends_at=SIX)
    CapacityRequest.objects.update(state="withdrawn")
    asked.state, asked.decided_at = CapacityRequest.State.APPROVED, asked.submitted_at
    deployments = Deployment.objects.bulk_create(
        copied(asked.deployment, name=f"d{n}", resource_key=f"d{n}", capacity_units=there)
        for n, (_, _, there, _) in enumerate(ways)
    )
    requests = CapacityRequest.objects.bulk_create(
        copied(asked, deployment_id=each.pk) for each in deployments
    )
    for request, (taken, verified, _, read_back) in zip(requests, ways, strict=True):
        _grant(request, taken)
        if verified:
            _change(request, state="succeeded", to_units=STEADY, verified_at=verified)
        if read_back:
            _change(request, state="verifying", to_units=read_back)


def _grant(request: CapacityRequest, taken: tuple[tuple[datetime, datetime, int], ...]) -> None:
    facts = {
        "pool_id": request.deployment.pool_id,
        "deployment_id": request.deployment_id,
        "service_id": request.service_id,
        "recorded_at": request.submitted_at,
    }
    LedgerEntry.objects.create(
        **facts, units=STEADY, effective_from=LONG_AGO, effective_until=FOREVER, kind="adopted"
    )
    burst = LedgerEntry.objects.create(
        **facts, units=GRANTED, effective_from=TEN, effective_until=SIX, kind="burst",
        request=request,
    )  # fmt: skip
    LedgerEntry.objects.bulk_create(
        LedgerEntry(**facts, units=-units, effective_from=start, effective_until=end,
                    kind="reversal", request=request, reverses=burst)
        for start, end, units in taken
    )  # fmt: skip


def _change(request: CapacityRequest, **facts: Any) -> None:
    plan = Plan.objects.create(pool_id=request.deployment.pool_id, made_at=BEFORE, mode="apply")
    Change.objects.create(
        plan=plan, deployment_id=request.deployment_id, position=0, from_units=0,
        not_before=BEFORE, planned_at=BEFORE, **facts,
    )  # fmt: skip


def test_whatever_was_taken_back_written_and_read_the_database_says_what_the_grants_say(
    chat: Service, applying: Pool, ada: User, cleo: User
) -> None:
    granted_in_every_way(chat, ada)
    rows = list(with_names(CapacityRequest.objects.filter(state="approved")))
    for at in MOMENTS:
        assert_the_database_knows_which_bursts_go_on(at=at)
        phases = [grant.phase for grant in grants_of(rows, at=at).values()]
        bursts = waiting_for(cleo, at=at).bursts
        on = sum(1 for phase in phases if phase in LIVE)
        assert (bursts.on, bursts.total) == (on, on + phases.count(Phase.UPCOMING))
        assert bursts.ending_soon == (on if at < SIX else 0)
    assert {Phase.OVER, Phase.ENDING} <= set(phases)  # of the last moment: both were met


def test_a_grant_that_moved_to_another_pool_is_one_burst(
    chat: Service, applying: Pool, ada: User, cleo: User
) -> None:
    """Taken back where it was and issued anew, from the moment on at which Azure moved it."""
    asked = ask(chat, ada, starts_at=TEN, ends_at=SIX)
    first = LedgerEntry.objects.get(request=asked, kind="burst")
    LedgerEntry.objects.bulk_create(
        [
            copied(first, units=-first.units, kind="reversal", reverses_id=first.pk,
                   effective_from=NOON),
            copied(first, effective_from=NOON, is_reissued=True),
        ]
    )  # fmt: skip
    for at in (*MOMENTS, SIX + timedelta(days=1)):
        assert_the_database_knows_which_bursts_go_on(at=at)
        assert waiting_for(cleo, at=at).bursts.on == (1 if NOON <= at < SIX else 0)
