"""What PostgreSQL finds of a pool's room is what the arithmetic says, whatever the entries are."""

from collections import Counter
from datetime import timedelta

from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel.windows import FOREVER, HOUR, MINUTE, Window
from quotas.domain.availability import fit
from quotas.domain.ledger import Entry, steps_over
from quotas.models import Deployment, LedgerEntry, Pool, Service
from quotas.selectors.metering import held_spans
from quotas.selectors.rooms import RISING, fit_in, held_and_room, pool_entries, room_of
from quotas.selectors.standing import ledger_around, standing
from quotas.tests.factories import NOON

# Starts before, at and after the window, which is of minutes 0 to 60; ends at its edges, and never.
starts = st.integers(-20, 70)
lengths = st.none() | st.sampled_from([1, 10, 20, 60, 80])
entries = st.lists(st.tuples(starts, lengths, st.integers(1, 300)), max_size=12)
windows = st.sampled_from([Window(NOON, NOON + 60 * MINUTE), Window(NOON, FOREVER)])


def write(pool: Pool, found: list[tuple[int, int | None, int]]) -> None:
    """Every third is given back halfway; every other one is adopted, the rest are bursts."""
    deployment = Deployment.objects.earliest("pk")
    facts = {"pool": pool, "deployment": deployment, "recorded_at": NOON}
    for n, (start, length, units) in enumerate(found):
        begin = NOON + start * MINUTE
        end = FOREVER if length is None else begin + length * MINUTE
        entry = LedgerEntry.objects.create(
            **facts, units=units, effective_from=begin, effective_until=end,
            kind="adopted" if n % 2 else "burst",
        )  # fmt: skip
        if n % 3 == 0:
            half = begin + timedelta(seconds=30)
            LedgerEntry.objects.create(
                **facts, units=-units, effective_from=half, effective_until=end, kind="reversal",
                reverses=entry,
            )  # fmt: skip


def check_around(pool: Pool, window: Window, held: list[Entry]) -> None:
    """One statement reads the pool's window and the deployment's history as two would."""
    deployment, history = Deployment.objects.earliest("pk"), Window(NOON - HOUR, NOON + HOUR)
    around, spans = ledger_around(deployment, window, history)
    assert Counter(around) == Counter(held)
    assert Counter(spans) == Counter(held_spans(history, deployment_ids=[deployment.pk]))
    found = standing(Service(pk=0, team_id=0), deployment, window, starts_at=NOON, at=NOON)
    steady = [span for span in spans if span.kind == "adopted" and NOON in span.window]
    assert (found.room, found.baseline) == (room_of(pool), sum(span.units for span in steady))


@given(found=entries, window=windows, units=st.integers(0, 1200))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_i01_the_database_and_the_arithmetic_find_the_same_room(
    pool: Pool, found: list[tuple[int, int | None, int]], window: Window, units: int
) -> None:
    with transaction.atomic():
        write(pool, found)
        held = pool_entries(pool, window)
        rising, room = held_and_room(pool, window)
        steps = steps_over(held, window)
        assert room == room_of(pool)
        assert fit_in(pool, window, units) == fit(held, room_of(pool), window, units)
        check_around(pool, window, held)
        transaction.set_rollback(True)
    assert rising[0] == steps[0]
    assert [step for step in steps if step in rising] == rising
    highest = [max(s.units for s in steps[: n + 1]) for n in range(len(steps))]
    assert [step.units for step in rising] == sorted(set(highest))


def test_the_entries_of_other_pools_are_not_looked_through(pool: Pool) -> None:
    """The index holds pool and window, and both are asked of it."""
    window = Window(NOON, NOON + 60 * MINUTE)
    _fill_with_hours(pool, 2_000)
    rows = LedgerEntry.objects.in_pool(pool).touching(window).order_by()
    statement = {"pool": pool.pk, "pools": [pool.pk], "start": window.start, "end": window.end}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE quotas_ledgerentry")  # so the plan is not a guess at an empty table
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {RISING}", statement)
        plans = [rows.explain(), "\n".join(row[0] for row in cursor.fetchall())]
    for plan in plans:
        condition = next(line for line in plan.splitlines() if "Index Cond" in line)
        assert "pool_id" in condition
        assert "tstzrange" in condition


def _fill_with_hours(pool: Pool, number: int) -> None:
    """One entry after the other, each an hour long."""
    deployment = pool.deployments.first()
    hours = [Window(NOON + n * 60 * MINUTE, NOON + (n + 1) * 60 * MINUTE) for n in range(number)]
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            pool=pool, deployment=deployment, units=1, kind=LedgerEntry.Kind.BURST,
            effective_from=hour.start, effective_until=hour.end, recorded_at=NOON,
        )
        for hour in hours
    )  # fmt: skip
