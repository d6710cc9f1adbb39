"""Callers out of gateway logs: whole hours, in any order, with gaps, after a crash."""

import itertools
import threading
import time
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.models import Deployment
from showback.gateway import CallerKey
from showback.models import (
    Caller,
    CallerHour,
    CallerMinutes,
    CallerTarget,
    GatewayHour,
    TouchedHour,
    UsagePull,
)
from showback.selectors.service_minutes import service_minutes
from showback.services import caller_pull
from showback.services.caller_mapping import map_caller
from showback.services.caller_pull import pull_recent_callers, pull_source, workspaces
from showback.services.sharing import share_deployment
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import utc
from showback.tests.fakes import FakeCallers, share_of_steady

WORKSPACE = "22222222-2222-2222-2222-222222222222"
HOST = "acme.openai.azure.com"
START, AT = utc("2026-03-02 08:00"), utc("2026-03-02 12:30")
LATER = utc("2026-03-02 16:00")
TABLES = (GatewayHour, CallerHour, CallerMinutes, CallerTarget, Caller)


def key(caller: str, deployment: str = "chat", host: str = HOST) -> CallerKey:
    return CallerKey(caller, "ai-apps" if caller else "", host, deployment)


@pytest.fixture
def gateway(world, settings, monkeypatch):
    settings.HEADROOM_LOG_WORKSPACES = [WORKSPACE]
    callers = [key("assistant-key"), key("digest-key"), key(""), key("lost", "nowhere")]
    parts = {"assistant-key": 6, "digest-key": 3, "": 1, "lost": 2}
    fake = FakeCallers(callers, share_of_steady(parts))
    monkeypatch.setattr(caller_pull, "caller_source", fake)
    world.logs = fake
    return world


def told() -> list[list[tuple[object, ...]]]:
    """Every row of every table, by what it means rather than by its number."""
    names = ("source__key", "target__deployment_name", "caller__key", "hour")
    use = ("ok", "throttled", "other", "filtered", "prompt", "generated")
    return [
        sorted(GatewayHour.objects.values_list("hour", "received")),
        sorted(CallerHour.objects.values_list(*names, *use, "minutes_received")),
        sorted(map(repr, CallerMinutes.objects.values_list(*names, *use))),
    ]


def source():
    return workspaces(at=AT)[0]


def test_callers_of_each_hour_are_there_once_their_minutes_have_settled(gateway):
    pull_recent_callers(HOUR, at=AT)
    rows = CallerHour.objects.filter(caller__key="assistant-key").order_by("hour")
    assert [(row.hour.hour, row.minutes_received, row.prompt) for row in rows] == [
        (11, 60, 60 * 600),
        (12, 20, 20 * 600),
    ]
    assert rows[0].target.deployment == gateway.chat
    assert rows[0].filtered == 0


def test_a_second_pull_writes_and_marks_nothing(gateway):
    pull_recent_callers(4 * HOUR, at=AT)
    before = told()
    TouchedHour.objects.all().delete()
    assert pull_recent_callers(4 * HOUR, at=AT).hours_changed == 0
    assert told() == before
    assert not TouchedHour.objects.exists()


@examples(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    windows=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 120)), min_size=1, max_size=6),
    lost=st.lists(st.frozensets(st.integers(0, 239), max_size=20), min_size=2, max_size=2),
)
def test_i22_any_windows_in_any_order_give_the_same_callers(gateway, windows, lost):
    """Partial answers and windows cut off in the middle of an hour come first; then all of it."""
    first = int(START.timestamp()) // 60
    for table in TABLES[:3]:
        table.objects.all().delete()
    for (hour, minutes), gaps in zip(windows, itertools.cycle(lost), strict=False):
        gateway.logs.lost = frozenset(first + gap for gap in gaps)
        start = START + hour * HOUR
        pull_source(source(), Window(start, start + minutes * MINUTE), at=LATER)
    gateway.logs.lost = frozenset()
    pull_source(source(), Window(START, START + 4 * HOUR), at=LATER)
    found = told()
    for table in TABLES[:3]:
        table.objects.all().delete()
    pull_source(source(), Window(START, START + 4 * HOUR), at=LATER)
    assert told() == found


def test_two_halves_of_an_hour_are_the_hour(gateway):
    first = int(START.timestamp()) // 60
    window = Window(START, START + HOUR)
    gateway.logs.lost = frozenset(range(first, first + 30))
    pull_source(source(), window, at=AT)
    assert UsagePull.objects.get(source=f"gateway:{WORKSPACE}").state == "partial"
    assert CallerHour.objects.filter(caller__key="digest-key").get().prompt == 30 * 300
    gateway.logs.lost = frozenset(range(first + 30, first + 60))
    pull_source(source(), window, at=AT)
    pull = UsagePull.objects.get(source=f"gateway:{WORKSPACE}")
    assert (pull.state, pull.problem, pull.settled_until) == ("done", "", START + HOUR)
    assert CallerHour.objects.filter(caller__key="digest-key").get().prompt == 60 * 300


def test_a_gap_is_no_news(gateway):
    pull_source(source(), Window(START, START + HOUR), at=AT)
    before = told()
    first = int(START.timestamp()) // 60
    gateway.logs.lost = frozenset(range(first, first + 9))
    pull_source(source(), Window(START, START + HOUR), at=AT)
    assert told() == before


def test_a_source_that_is_down_leaves_what_was_there_and_a_sentence(gateway):
    pull_source(source(), Window(START, START + HOUR), at=AT)
    before = told()
    gateway.logs.down = True
    pulled = pull_source(source(), Window(START, START + HOUR), at=AT)
    assert pulled.problems == ("The workspace did not answer in time.",)
    assert told() == before
    pull = UsagePull.objects.get(source=f"gateway:{WORKSPACE}")
    assert (pull.state, pull.problem) == ("started", "The workspace did not answer in time.")


def test_a_crash_before_the_end_leaves_the_old_hour_and_the_next_pull_repairs_it(
    gateway, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(caller_pull, "replace_hours", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pull_source(source(), Window(START, START + HOUR), at=AT)
    assert UsagePull.objects.get().state == "started"
    assert not CallerHour.objects.exists()
    pull_source(source(), Window(START, START + HOUR), at=AT)
    assert UsagePull.objects.get().state == "done"
    assert CallerHour.objects.count() == 4


def test_calls_of_a_deployment_that_nobody_knows_are_kept_until_it_is_found(gateway):
    pull_window(Window(START, START + 2 * HOUR), MINUTE, at=AT)
    pull_source(source(), Window(START, START + HOUR), at=AT)
    target = CallerTarget.objects.get(deployment_name="nowhere")
    assert target.deployment is None
    assert CallerHour.objects.get(target=target).prompt == 60 * 200
    Deployment.objects.filter(pk=gateway.stray.pk).update(name="nowhere")
    TouchedHour.objects.all().delete()
    pull_source(source(), Window(START + HOUR, START + 2 * HOUR), at=AT)
    target.refresh_from_db()
    assert target.deployment == gateway.stray
    assert TouchedHour.objects.filter(deployment=gateway.stray).exists()


def test_an_account_answers_to_its_own_subdomain_not_to_its_name(gateway):
    account = gateway.chat.account
    account.subdomain = "acme-openai"
    account.save()
    pull_source(source(), Window(START, START + HOUR), at=AT)
    assert CallerTarget.objects.get(deployment_name="chat").deployment is None


def test_no_workspace_no_pull(gateway, settings):
    settings.HEADROOM_LOG_WORKSPACES = []
    assert pull_recent_callers(HOUR, at=AT).problems == ()
    assert gateway.logs.calls == []


def test_minutes_of_services_are_those_of_their_callers(gateway):
    share_deployment(gateway.chat.pk, start=START, reason="x", by=make.person("Cleo"), at=AT)
    first = int(START.timestamp()) // 60
    gateway.logs.lost = frozenset({first + 5})
    pull_source(source(), Window(START, START + HOUR), at=AT)
    mine = Caller.objects.get(key="assistant-key")
    map_caller(mine, service_id=gateway.assistant.pk, start=START, by=make.person("Cleo"), at=AT)
    found = service_minutes(gateway.chat.pk, Window(START, START + 2 * HOUR))
    prompt = found.by_service[gateway.assistant.pk]["prompt"]
    assert prompt[:8].tolist() == [600, 600, 600, 600, 600, -1, 600, 600]
    assert set(prompt[60:].tolist()) == {-1}
    assert found.received.sum() == 59
    assert found.by_service[None]["prompt"][0] == 400
    assert np.array_equal(found.received, prompt != -1)


def test_where_only_hours_are_known_there_are_no_minutes(gateway):
    assert service_minutes(gateway.chat.pk, Window(START, START + HOUR)) is None


def test_two_products_of_one_subscription_are_two_callers(gateway):
    gateway.logs.keys = [CallerKey("k", "a", HOST, "chat"), CallerKey("k", "b", HOST, "chat")]
    gateway.logs.traffic = share_of_steady({"k": 1})
    pull_source(source(), Window(START, START + HOUR), at=AT)
    kinds = Caller.objects.order_by("kind", "product").values_list("kind", "key", "product")
    assert list(kinds) == [
        ("product", "a", "a"),
        ("product", "b", "b"),
        ("subscription", "k", "a"),
        ("subscription", "k", "b"),
    ]
    assert CallerHour.objects.count() == 2


def test_a_late_answer_is_taken_by_the_next_pull(gateway):
    at = START + HOUR + timedelta(minutes=5)
    pull_recent_callers(HOUR, at=at)
    assert CallerHour.objects.filter(caller__key="digest-key").get().minutes_received == 55
    pull_recent_callers(HOUR, at=at + timedelta(minutes=10))
    rows = CallerHour.objects.filter(caller__key="digest-key").order_by("hour")
    assert [row.minutes_received for row in rows] == [60, 5]


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_workspace_do_no_harm(gateway):
    """On real connections: one waits for the other, and nothing counts twice."""
    window, workspace = Window(START, START + 3 * HOUR), source()
    asking: list[int] = []
    most: list[int] = []
    plain = gateway.logs.traffic

    def slow(key, minutes):
        asking.append(threading.get_ident())
        most.append(len(set(asking)))
        time.sleep(0.01)
        asking.remove(threading.get_ident())
        return plain(key, minutes)

    gateway.logs.traffic = slow
    errors = []

    def work():
        try:
            pull_source(workspace, window, at=AT)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert max(most) == 1, "two asked the workspace at the same time"
    found = told()
    for table in TABLES[:3]:
        table.objects.all().delete()
    pull_source(workspace, window, at=AT)
    assert told() == found
