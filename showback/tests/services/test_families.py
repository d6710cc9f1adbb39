"""Two families of metrics: which one a deployment is read from, and what its errors mean."""

from dataclasses import replace

import numpy as np
import pytest

from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.selectors.metering import metered_deployments
from showback.domain.measures import MISSING, NEWER, OLDER
from showback.gateway import MetricsAnswer, Series
from showback.models import MetricFamily, UsageHour
from showback.selectors.minutes import read_minutes
from showback.services.compaction import compact_day
from showback.services.usage_answer import failed_measures, problems_of, rows_of
from showback.services.usage_pull import pull_window
from showback.tests.factories import utc

START = utc("2026-03-02 11:00")
HOUR_OF_USE = Window(START, START + HOUR)
AT = START + 2 * HOUR
pytestmark = pytest.mark.django_db


def answer_of(world, bits, **more):
    """The hour in which chat made ten requests of 100 and 20 tokens in each of the named slots."""
    key = (world.chat.account.resource_key, "chat")
    families = np.array(bits, dtype=np.int8)
    came = families > 0
    values = {"ok": 10, "prompt": 1_000, "generated": 200, "active": 900}
    series = Series.of({name: np.where(came, value, MISSING) for name, value in values.items()})
    whole = MetricsAnswer(HOUR_OF_USE, MINUTE, {key: series}, {}, families={key: families})
    return replace(whole, **more)


def chat_of(world):
    return next(d for d in metered_deployments() if d.id == world.chat.pk)


@pytest.mark.parametrize(
    ("bits", "family"),
    [
        ([OLDER] * 60, MetricFamily.OLDER),
        ([NEWER] * 60, MetricFamily.NEWER),
        ([OLDER] * 20 + [NEWER] * 40, MetricFamily.BOTH),
        ([0] * 60, MetricFamily.NONE),
    ],
)
def test_the_family_is_kept_with_the_hour(world, bits, family):
    rows = rows_of(answer_of(world, bits), [chat_of(world)], at=AT)
    assert rows.families.tolist() == [family]
    assert rows.sums.received.tolist() == [60]


def test_an_error_of_a_family_that_names_nothing_of_a_deployment_is_no_gap(world):
    account = world.chat.account.resource_key
    newer = {
        "failed_newer": {account: frozenset({"prompt"})},
        "newer_problems": {account: ("The newer one failed.",)},
    }
    of_openai = answer_of(world, [OLDER] * 30 + [0] * 30, **newer)
    assert failed_measures(of_openai, chat_of(world)) == frozenset()
    assert problems_of(of_openai, [chat_of(world)]) == ()
    assert rows_of(of_openai, [chat_of(world)], at=AT).sums.received.tolist() == [60]


def test_an_idle_model_of_another_publisher_has_a_gap_where_the_newer_family_failed(world):
    account = world.chat.account.resource_key
    answer = replace(
        answer_of(world, [0] * 60),
        failed_newer={account: frozenset({"prompt"})},
        newer_problems={account: ("The newer one failed.",)},
    )
    mistral = replace(chat_of(world), model_format="Mistral AI")
    assert problems_of(answer, [mistral]) == ("The newer one failed.",)
    assert rows_of(answer, [mistral], at=AT).sums.received.tolist() == [0]
    assert rows_of(answer, [chat_of(world)], at=AT).sums.received.tolist() == [60]


def test_where_both_families_name_a_deployment_only_what_failed_in_both_is_a_gap(world):
    account = world.chat.account.resource_key
    both = {
        "failed_measures": {account: frozenset({"prompt", "generated"})},
        "failed_newer": {account: frozenset({"generated"})},
    }
    answer = answer_of(world, [OLDER] * 20 + [NEWER] * 10 + [0] * 30, **both)
    assert failed_measures(answer, chat_of(world)) == {"generated"}


def test_active_tokens_are_kept_of_provisioned_deployments_alone(world):
    chat = chat_of(world)
    answer = answer_of(world, [OLDER] * 60)
    by_token = rows_of(answer, [chat], at=AT)
    provisioned = rows_of(answer, [replace(chat, is_provisioned=True)], at=AT)
    assert by_token.sums.active.tolist() == [MISSING]
    assert by_token.sums.cached.tolist() == [0]
    assert provisioned.sums.active.tolist() == [54_000]
    assert provisioned.sums.cached.tolist() == [18_000]


def test_minutes_settle_by_azures_clock_where_ours_is_ahead(world):
    ahead = answer_of(world, [OLDER] * 20 + [0] * 40, clock_behind=40 * MINUTE)
    rows = rows_of(ahead, [chat_of(world)], at=START + HOUR + 3 * MINUTE)
    assert (rows.sums.received.tolist(), rows.sums.expected.tolist()) == ([20], [20])


def test_a_deployment_that_is_gone_and_unnamed_has_no_rows(world):
    gone = replace(chat_of(world), gone_at=START + 20 * MINUTE)
    silent = replace(answer_of(world, [0] * 60), series={}, families={})
    assert len(rows_of(silent, [gone], at=AT)) == 0
    assert len(rows_of(answer_of(world, [OLDER] * 60), [gone], at=AT)) == 1


def test_hours_that_azure_keeps_no_more_are_left_as_they_are(world):
    at = utc("2026-06-05 12:00")
    edge = at - 93 * 24 * HOUR
    pull_window(Window(edge - 3 * HOUR, edge + 3 * HOUR), MINUTE, at=edge + 4 * HOUR)
    in_order = UsageHour.objects.order_by("hour", "deployment_id").values()
    before = list(in_order)
    world.metrics.silent = frozenset({"chat", "ptu", "digest", "stray"})
    pull_window(Window(edge - 3 * HOUR, edge + 3 * HOUR), MINUTE, at=at)
    untouched = [row for row in before if row["hour"] <= edge]
    assert len(untouched) == 4 * 4
    assert [row for row in in_order.all() if row["hour"] <= edge] == untouched
    idle = UsageHour.objects.get(deployment=world.chat, hour=edge + 2 * HOUR)
    assert idle.ok_requests == 0


def test_priority_and_active_minutes_survive_compaction(world):
    world.metrics.traffic = lambda name, minutes: {
        "ok": np.full(len(minutes), 5),
        "prompt": np.full(len(minutes), 100),
        "generated": np.full(len(minutes), 20),
        "priority": np.where(minutes % 2 == 0, 3, MISSING),
        "active": np.full(len(minutes), 90),
    }
    pull_window(HOUR_OF_USE, MINUTE, at=AT)
    wanted = ("priority", "active")
    before = read_minutes([world.ptu.pk], HOUR_OF_USE, wanted)[world.ptu.pk]
    assert before["priority"].tolist()[:2] == [3, MISSING]
    assert set(before["active"].tolist()) == {90}
    compact_day(START.date())
    after = read_minutes([world.ptu.pk], HOUR_OF_USE, wanted)[world.ptu.pk]
    assert all((after[name] == before[name]).all() for name in wanted)
    hour = UsageHour.objects.get(deployment=world.ptu, hour=START)
    assert (hour.priority_requests, hour.active_tokens) == (90, 5_400)
    assert hour.cached_tokens_estimated == 60 * 30
