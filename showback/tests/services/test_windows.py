"""A window of use, whatever happens: cut off at any step, by two workers, in any order."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.models import Deployment
from showback.models import AccountHour, TouchedHour, UsageHour, UsageMinutes, UsagePull
from showback.selectors import pipeline_health
from showback.selectors.pipeline_health import completeness, source_health
from showback.services import locks, usage_pull, usage_store
from showback.services.compaction import compact_day
from showback.services.usage_pull import pull_recent, pull_window
from showback.tests.factories import day, utc
from showback.tests.fakes import FakeMetrics, random_traffic, steady
from showback.tests.services.test_ingest import contents

NOON = utc("2026-03-02 12:30")
RECENT = timedelta(hours=2)


class Killed(BaseException):
    """As SIGKILL is: nothing in our code catches it."""


def die_at(monkeypatch, module, name, call):
    """The named step dies at its nth call, before it does anything."""
    real, calls = getattr(module, name), []

    def step(*args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            raise Killed(name)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, step)


SEAMS = [
    (usage_pull._Marks, "begin", 1),
    (FakeMetrics, "pull", 1),
    (usage_pull, "rows_of", 1),
    (usage_pull, "store", 1),
    (usage_store, "share_days", 1),
    (usage_store, "_known", 1),
    (usage_store, "ensure_partitions", 1),
    (usage_store, "unpack_days", 1),
    (usage_store, "_delete", 1),
    (usage_store, "_delete", 2),
    (usage_store, "copy_stream", 1),
    (usage_store, "copy_stream", 2),
    (usage_store, "copy_stream", 3),
    (usage_store, "note_hours", 1),
    (usage_pull._Marks, "end", 1),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("module", "name", "call"), SEAMS)
def test_a_pull_that_dies_at_any_step_leaves_the_old_hours_and_the_next_one_repairs(
    world, monkeypatch, module, name, call
):
    world.metrics.traffic = random_traffic(1)
    pull_recent(RECENT, at=NOON)
    compact_day(NOON.date())  # so that blocks have to be unpacked, too
    TouchedHour.objects.all().delete()
    sums = list(UsageHour.objects.order_by("hour", "deployment_id").values())
    world.metrics.traffic = random_traffic(2)
    with monkeypatch.context() as patch:
        die_at(patch, module, name, call)
        with pytest.raises(Killed):
            pull_recent(RECENT, at=NOON + MINUTE)
    assert list(UsageHour.objects.order_by("hour", "deployment_id").values()) == sums
    assert not UsageMinutes.objects.exists(), "the day is still in its block, and only there"
    assert not TouchedHour.objects.exists(), "nothing changed, so nothing is to be summed"
    begun = (module, name) != (usage_pull._Marks, "begin")
    states = set(UsagePull.objects.values_list("state", flat=True))
    assert states == {"started" if begun else "done"}
    assert UsagePull.objects.get(hour=utc("2026-03-02 12:00")).settled_until is not None

    pull_recent(RECENT, at=NOON + MINUTE)
    repaired = contents()
    assert set(UsagePull.objects.values_list("state", flat=True)) == {"done"}
    assert TouchedHour.objects.exists()
    UsageHour.objects.all().delete()
    UsageMinutes.objects.all().delete()
    pull_recent(RECENT, at=NOON + MINUTE)
    assert contents() == repaired


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_window_do_no_harm(world, monkeypatch):
    """On two real connections: one waits for the other, and what was asked for last is kept."""
    asking, most = [], []

    def slow(name, minutes):
        asking.append(threading.get_ident())
        most.append(len(set(asking)))
        time.sleep(0.01)
        asking.remove(threading.get_ident())
        return steady(name, minutes)

    world.metrics.traffic = slow
    errors = []

    def work(at):
        try:
            pull_recent(RECENT, at=at)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(NOON + n * MINUTE,)) for n in (0, 1, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert max(most) == 1, "two asked Azure for one source at the same time"
    hours = UsageHour.objects.filter(deployment=world.chat).order_by("hour")
    assert [h.ok_requests for h in hours] == [600, 600, 280]
    assert set(UsagePull.objects.values_list("state", flat=True)) == {"done"}
    both = contents()
    UsageHour.objects.all().delete()
    UsageMinutes.objects.all().delete()
    world.metrics.traffic = steady
    pull_recent(RECENT, at=NOON + MINUTE)
    assert contents() == both


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_waits_too_long_says_so_and_goes_on_with_the_others(world, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.1)
    source = f"{world.chat.account.subscription_id}/{world.chat.account.region}"
    said = []

    def work():
        said.extend(pull_recent(RECENT, at=NOON).problems)
        connection.close()

    with locks.pipeline_lock(f"usage:{source}"):
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    assert said == [f"Another worker has been reading {source} for a minute."]
    assert not UsageHour.objects.exists()


def noted():
    """Deployments of which there are rows, by account and hour; and whether each hour is whole."""
    return {
        (row.account_id, row.hour, deployment, row.whole is ids)
        for row in AccountHour.objects.all()
        for ids in (row.whole, row.partial)
        for deployment in ids
    }


def by_account():
    return {
        (row.deployment.account_id, row.hour, row.deployment_id, row.minutes_received == 60)
        for row in UsageHour.objects.select_related("deployment")
    }


SPANS = st.tuples(st.integers(0, 20), st.integers(1, 6), st.sampled_from([MINUTE, MINUTE, HOUR]))


@pytest.mark.django_db
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(windows=st.lists(SPANS, min_size=1, max_size=5), data=st.data())
def test_i22_any_windows_in_any_order_give_the_same_tables(world, windows, data):
    at = utc("2026-03-03 01:17")
    world.metrics.traffic = random_traffic(4)
    tables = []
    for order in (windows, data.draw(st.permutations(windows)) + windows[:1]):
        UsageHour.objects.all().delete()
        UsageMinutes.objects.all().delete()
        for first, hours, grain in order:
            start = day("2026-03-02").start + first * HOUR
            pull_window(Window(start, start + hours * HOUR), grain, at=at)
        tables.append(contents())
    assert tables[0] == tables[1]


@pytest.mark.django_db
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pulls=st.lists(st.tuples(SPANS, st.booleans()), min_size=1, max_size=4), data=st.data())
def test_i22_what_is_noted_of_accounts_tells_what_adding_up_every_hour_tells(world, pulls, data):
    at = utc("2026-03-03 00:47")
    for model in (AccountHour, UsageHour, UsageMinutes, UsagePull):
        model.objects.all().delete()
    for (first, hours, grain), fails in [((0, 24, MINUTE), False), *pulls]:
        start = day("2026-03-02").start + first * HOUR
        world.metrics.failing = frozenset({"prompt"}) if fails else frozenset()
        world.metrics.traffic = random_traffic(data.draw(st.integers(0, 3)))
        if data.draw(st.booleans()):
            pull_window(Window(start, start + hours * HOUR), grain, at=at)
    assert noted() == by_account()
    come = data.draw(st.sampled_from([None, "2026-03-02 05:20", "2026-03-03 00:10"]))
    gone = data.draw(st.sampled_from([None, "2026-03-02 11:05"]))
    Deployment.objects.filter(pk=world.chat.pk).update(
        first_seen_at=utc(come) if come else world.chat.first_seen_at, gone_at=gone and utc(gone)
    )
    moment = at + data.draw(st.integers(0, 90)) * MINUTE
    sources = source_health(at=moment)
    found = completeness(sources, at=moment)
    with pytest.MonkeyPatch.context() as patch:
        everyone = set(UsageHour.objects.values_list("deployment_id", flat=True))
        patch.setattr(pipeline_health, "whole_throughout", lambda window: (set(), everyone))
        assert found == completeness(sources, at=moment)
