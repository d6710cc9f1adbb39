"""How full pools will be: the database works out what the ledger's own rule does."""

from datetime import timedelta
from random import Random

from portal.kernel.windows import FOREVER, Window
from quotas.models import Deployment, LedgerEntry, Pool, PoolLimit
from quotas.selectors.pool_figures import AHEAD, figures_of
from quotas.selectors.pool_peaks import pool_peaks
from quotas.tests.factories import NOON

HOUR = timedelta(hours=1)


def some_entry(pool: Pool, random: Random) -> LedgerEntry:
    """Around the window's ends too, often at the same instants, and often without an end."""
    start = NOON + random.randint(-30, 40) * 24 * HOUR
    end = start + random.randint(1, 20) * 24 * HOUR if random.random() < 0.8 else FOREVER
    return LedgerEntry(
        pool=pool, deployment=Deployment.objects.all()[0], units=random.randint(1, 50),
        effective_from=start, effective_until=end, kind="adopted", recorded_at=NOON,
    )  # fmt: skip


def test_peaks_are_those_of_the_ledger_step_by_step(pool: Pool) -> None:
    pools = [pool]
    for number in range(6):
        pools.append(
            Pool.objects.create(
                subscription_id=pool.subscription_id, scope_id=f"region{number}",
                region=f"region{number}", usage_name=pool.usage_name, kind="tokens",
                reserve_units=10 * number, first_seen_at=NOON, last_seen_at=NOON,
            )
        )  # fmt: skip
    for number, each in enumerate(pools[:-1]):
        for back in range(2):
            PoolLimit.objects.create(
                pool=each, observed_at=NOON - back * HOUR, limit_units=200 + 40 * number + back,
                azure_used_units=0, outside_units=7,
            )  # fmt: skip
        random = Random(number)  # noqa: S311  the same numbers each time
        LedgerEntry.objects.bulk_create(some_entry(each, random) for _ in range(5 * number))
    found = pool_peaks([each.pk for each in pools], Window(NOON, NOON + AHEAD))
    for figures in figures_of(pools, at=NOON):
        peak = found[figures.pool.pk]
        assert (peak.fullest, peak.limit) == (figures.fullest.units, figures.limit_units)
        assert peak.is_short(figures.pool.reserve_units) == figures.is_short
    assert len({peak.fullest for peak in found.values()}) > 3
    assert {figures.is_short for figures in figures_of(pools, at=NOON)} == {True, False}


def test_no_pools_have_no_peaks(db: None) -> None:
    assert pool_peaks([], Window(NOON, NOON + AHEAD)) == {}
