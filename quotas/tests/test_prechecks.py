"""Edges are looked at ten minutes before they come: told once, taken back when it clears."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import time_machine

from portal.kernel.errors import CloudError, CloudReason
from portal.models import Message, Notice, User
from portal.outbox import Event
from quotas.models import CapacityRequest, Change, EdgeCheck, Pool, Service
from quotas.selectors.watched import doubts, doubts_of
from quotas.services import kill_switch, prechecks
from quotas.services.freezes import add_freeze
from quotas.services.give_back import give_back
from quotas.tests.conftest import Browse, ask, reconcile_at, sync, words_of
from quotas.tests.factories import ACCOUNT, FakeAzure, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
MINUTE = timedelta(minutes=1)
CHAT = f"{ACCOUNT}/deployments/chat"


def look(azure: FakeAzure, at: datetime) -> int:
    return prechecks.check_edges(gateway=azure, at=at)


def codes() -> list[str]:
    return [each["code"] for each in EdgeCheck.objects.get().findings]


def told(event: Event) -> list[set[str]]:
    """Who was told, each time."""
    return [
        set(notice.messages.values_list("person__username", flat=True))
        for notice in Notice.objects.filter(event=event).order_by("pk")
    ]


@pytest.fixture
def burst(chat: Service, applying: Pool, ada: User) -> CapacityRequest:
    return ask(chat, ada)


@pytest.fixture
def on(burst: CapacityRequest, azure: FakeAzure) -> CapacityRequest:
    reconcile_at(azure, START)
    return burst


def test_an_edge_is_looked_at_from_ten_minutes_before_it(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    assert look(azure, START - 11 * MINUTE) == 0
    assert look(azure, START - 10 * MINUTE) == 1
    assert look(azure, START) == 0
    check = EdgeCheck.objects.get()
    assert (check.edge_at, check.from_units, check.to_units) == (START, 100, 140)
    assert (check.requests, check.findings, check.found_at) == ([burst.pk], [], None)
    assert not Notice.objects.filter(event__startswith="edge.").exists()


def test_what_is_well_is_looked_at_again_after_three_minutes_only(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    looks = [look(azure, START - minute * MINUTE) for minute in range(10, 0, -1)]
    assert looks == [1, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_an_edit_before_a_start_is_told_once_and_taken_back_when_it_is_gone(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    azure.edit("chat", 130)
    for minute in (10, 9, 8):
        look(azure, START - minute * MINUTE)
    assert codes() == ["drift"]
    assert told(Event.EDGE_IN_DOUBT) == [{"ada", "cleo"}]
    assert told(Event.EDGE_CLEAR) == []
    azure.edit("chat", 100)
    look(azure, START - 7 * MINUTE)
    look(azure, START - 6 * MINUTE)
    assert codes() == []
    assert told(Event.EDGE_CLEAR) == [{"ada", "cleo"}]
    assert not Message.objects.unread().filter(notice__event=Event.EDGE_IN_DOUBT).exists()


def test_what_comes_again_is_told_again(burst: CapacityRequest, azure: FakeAzure) -> None:
    for minute, units in ((10, 130), (9, 100), (5, 130), (4, 130)):
        azure.edit("chat", units)
        look(azure, START - minute * MINUTE)
    assert len(told(Event.EDGE_IN_DOUBT)) == 2
    assert EdgeCheck.objects.get().times_found == 2


def test_a_limit_that_azure_lowered_a_moment_ago_is_found_before_the_start(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    azure.limit_units = 320  # 100 and 200 are there
    look(azure, START - 10 * MINUTE)
    [finding] = EdgeCheck.objects.get().findings
    assert finding["code"] == "no_room"
    assert "20 units short" in finding["sentence"]


def test_what_others_still_have_too_much_of_is_no_room(
    burst: CapacityRequest, search: Service, azure: FakeAzure
) -> None:
    azure.limit_units = 340
    azure.edit("search", 230)
    sync(azure, START - 20 * MINUTE)
    look(azure, START - 10 * MINUTE)
    assert codes() == ["no_room"]


def test_an_end_is_looked_at_like_a_start(on: CapacityRequest, azure: FakeAzure) -> None:
    azure.deployments[CHAT] = replace(azure.deployments[CHAT], provisioning_state="Updating")
    azure.limit_units = 1
    look(azure, END - 10 * MINUTE)
    assert codes() == ["not_ready"]


def test_a_burst_that_is_not_up_yet_is_no_edit_at_its_end(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    azure.refusals = [CloudError(CloudReason.CONFLICT, "Busy.")]
    reconcile_at(azure, START)
    look(azure, END - 10 * MINUTE)
    assert codes() == [], "Azure has what it is to have then"


def test_an_account_where_headroom_may_not_write_is_found_for_its_other_deployments(
    burst: CapacityRequest, search: Service, dan: User, azure: FakeAzure
) -> None:
    ask(search, dan, units=50, starts_at=START - timedelta(hours=1))
    azure.refusals = [CloudError(CloudReason.FORBIDDEN, "The role is missing there.")]
    reconcile_at(azure, START - timedelta(hours=1))
    look(azure, START - 10 * MINUTE)
    [finding] = EdgeCheck.objects.get(deployment__name="chat").findings
    assert (finding["code"], finding["sentence"]) == ("refused", "The role is missing there.")


def test_an_account_with_a_write_that_does_not_end_is_found(
    burst: CapacityRequest, search: Service, dan: User, azure: FakeAzure
) -> None:
    azure.slow = True
    ask(search, dan, units=50, starts_at=START - timedelta(hours=1))
    reconcile_at(azure, START - timedelta(hours=1))
    look(azure, START - 10 * MINUTE)
    assert [each["code"] for each in EdgeCheck.objects.get(edge_at=START).findings] == [
        "account_busy"
    ]


@pytest.mark.parametrize(
    ("reason", "minute", "found"),
    [
        (CloudReason.NOT_FOUND, 10, ["unreadable"]),
        (CloudReason.FORBIDDEN, 10, ["unreadable"]),
        (CloudReason.TIMEOUT, 5, ["unreadable"]),
    ],
)
def test_a_deployment_that_cannot_be_read_is_found(
    reason: CloudReason,
    minute: int,
    found: list[str],
    burst: CapacityRequest,
    azure: FakeAzure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: str) -> None:
        raise CloudError(reason, "Azure says no.")

    monkeypatch.setattr(azure, "read", refuse)
    look(azure, START - minute * MINUTE)
    assert codes() == found


def test_what_often_passes_by_itself_is_looked_at_again_first(
    burst: CapacityRequest, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_: str) -> None:
        raise CloudError(CloudReason.THROTTLED, "Azure asks us to wait.")

    with monkeypatch.context() as now:
        now.setattr(azure, "read", busy)
        assert look(azure, START - 10 * MINUTE) == 0
    assert look(azure, START - 9 * MINUTE) == 1
    assert codes() == []


def test_trouble_nobody_foresaw_keeps_no_other_edge_from_being_looked_at(
    burst: CapacityRequest,
    search: Service,
    dan: User,
    azure: FakeAzure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(search, dan, units=50)
    read = azure.read

    def odd(resource_id: str) -> object:
        if resource_id == CHAT:
            raise ZeroDivisionError
        return read(resource_id)

    monkeypatch.setattr(azure, "read", odd)
    assert look(azure, START - 10 * MINUTE) == 1


def test_an_end_that_is_no_more_is_not_in_doubt_any_more(
    on: CapacityRequest, ada: User, azure: FakeAzure
) -> None:
    azure.edit("chat", 170)
    look(azure, END - 10 * MINUTE)
    assert Message.objects.unread().filter(notice__event=Event.EDGE_IN_DOUBT).exists()
    give_back(on, by=ada, reason="", at=END - 9 * MINUTE)
    look(azure, END - 8 * MINUTE)
    assert not EdgeCheck.objects.exists()
    assert not Message.objects.unread().filter(notice__event=Event.EDGE_IN_DOUBT).exists()
    assert told(Event.EDGE_CLEAR) == []


def test_a_freeze_would_hold_a_start_back_and_no_end(
    burst: CapacityRequest, applying: Pool, cleo: User, azure: FakeAzure
) -> None:
    window = {"starts_at": START - MINUTE, "ends_at": END + MINUTE}
    add_freeze(applying, **window, reason="Year end.", by=cleo, at=START - timedelta(hours=2))
    look(azure, START - 10 * MINUTE)
    [finding] = EdgeCheck.objects.get().findings
    assert finding["code"] == "held"
    assert finding["sentence"].startswith("A freeze holds this back until")
    azure.edit("chat", 140)
    sync(azure, END - timedelta(hours=1))
    reconcile_at(azure, END - timedelta(hours=1))
    look(azure, END - 10 * MINUTE)
    assert EdgeCheck.objects.get(edge_at=END).findings == []


def test_the_kill_switch_would_stop_starts_and_ends(
    on: CapacityRequest, cleo: User, azure: FakeAzure
) -> None:
    switch = kill_switch.throw(reason="Drill.", by=cleo, at=END - 20 * MINUTE)
    look(azure, END - 10 * MINUTE)
    assert codes() == ["held"]
    kill_switch.turn_off(switch, reason="Over.", by=cleo, at=END - 9 * MINUTE)
    look(azure, END - 9 * MINUTE)
    assert codes() == []


def test_a_pool_that_only_observes_has_no_edges_that_could_be_stopped(
    chat: Service, pool: Pool, ada: User, azure: FakeAzure
) -> None:
    ask(chat, ada)
    azure.edit("chat", 130)
    assert look(azure, START - 10 * MINUTE) == 0


def test_looking_ahead_writes_nothing(burst: CapacityRequest, azure: FakeAzure) -> None:
    azure.edit("chat", 130)
    look(azure, START - 10 * MINUTE)
    assert azure.writes == []
    assert not Change.objects.exists()


@pytest.fixture
def doubt(burst: CapacityRequest, azure: FakeAzure, noon: time_machine.Traveller) -> EdgeCheck:
    azure.edit("chat", 130)
    look(azure, START - 10 * MINUTE)
    noon.move_to(START - 9 * MINUTE)
    return EdgeCheck.objects.get()


def test_what_would_stop_an_edge_is_on_the_pages_of_its_request_and_of_changes(
    doubt: EdgeCheck, burst: CapacityRequest, browse: Browse, ada: User, cleo: User
) -> None:
    request = words_of(browse(ada).get(burst.get_absolute_url()))
    assert "The start Tue 3 Mar, 10:00 may not come through. Azure has 130 units of it" in request
    for person, page in ((ada, "/changes/"), (cleo, "/changes/"), (cleo, "/")):
        seen = words_of(browse(person).get(page))
        assert "acme/chat is to go from 100k TPM to 140k TPM Tue 3 Mar, 10:00." in seen


def test_dan_of_another_team_sees_nothing_of_what_would_stop_adas_edge(
    doubt: EdgeCheck, search: Service, browse: Browse, dan: User
) -> None:
    assert "may not come through" not in words_of(browse(dan).get("/changes/"))


def test_an_edge_that_has_come_is_not_in_doubt_any_more(
    doubt: EdgeCheck, burst: CapacityRequest, cleo: User
) -> None:
    assert len(doubts(cleo, at=START - MINUTE)) == 1
    assert doubts(cleo, at=START) == doubts_of(burst, at=START) == []
