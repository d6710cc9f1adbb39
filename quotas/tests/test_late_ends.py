"""Ends that are late raise a growing alarm until they are done; starts give up and say so."""

from datetime import timedelta

import pytest

from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import FOREVER, Window
from portal.models import AuditRow, Notice, User
from portal.outbox import Event
from portal.outbox.wording import said, zone_of
from quotas.domain.late import late_alarms, late_since
from quotas.domain.ledger import Entry
from quotas.models import CapacityRequest, Change, LedgerEntry, Pool, Service
from quotas.selectors.grants import grants_of
from quotas.selectors.late_ends import late_ends, late_rows
from quotas.selectors.on_the_way import KILLED
from quotas.services import kill_switch, pools, reconcile
from quotas.services.burst_news import tell_of_bursts
from quotas.services.change_news import tell_of_stuck
from quotas.services.late_news import tell_of_late_ends
from quotas.tests.conftest import Browse, ask, reconcile_at, sync, words_of
from quotas.tests.factories import NOON, FakeAzure, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BUSY = CloudError(CloudReason.CONFLICT, "Another operation runs.", azure_code="RequestConflict")


def words(event: Event) -> str:
    return said(Notice.objects.filter(event=event).latest("pk"), zone_of("UTC"), now=NOON).sentence


def told(event: Event) -> set[str]:
    rows = Notice.objects.filter(event=event)
    return set(rows.values_list("messages__person__username", flat=True))


@pytest.fixture
def burst(chat: Service, applying: Pool, ada: User) -> CapacityRequest:
    return ask(chat, ada)


@pytest.fixture
def stays_up(burst: CapacityRequest, azure: FakeAzure) -> CapacityRequest:
    """Ada's burst is over at 18:00, and Azure refuses to take it back."""
    reconcile_at(azure, START)
    azure.refusals = [BUSY] * 500
    reconcile_at(azure, END)
    return burst


@pytest.fixture
def never_up(burst: CapacityRequest, azure: FakeAzure) -> CapacityRequest:
    """Azure refused Ada's burst all through its window."""
    azure.refusals = [BUSY] * 500
    for hour in range(9):
        reconcile_at(azure, START + hour * HOUR)
    return burst


def held(start: int, end: int | None, units: int) -> Entry:
    until = FOREVER if end is None else NOON + end * MINUTE
    return Entry(1, units, Window(NOON + start * MINUTE, until))


@pytest.mark.parametrize(
    ("entries", "since"),
    [
        ([held(-90, None, 100), held(-60, -20, 40)], -20),
        ([held(-90, None, 100), held(-60, -20, 40), held(-20, -10, 40)], -10),  # an extension
        ([held(-90, None, 100), held(-60, -20, 40), held(-20, -10, 10)], -20),  # less is too little
        ([held(-90, None, 100), held(-60, 5, 40)], 0),  # not late at all
        ([held(-60, 0, 140)], 0),
        ([], 0),
    ],
)
def test_an_end_is_late_since_less_was_wanted_without_a_break(
    entries: list[Entry], since: int
) -> None:
    assert late_since(entries, 140, NOON) == NOON + since * MINUTE


def test_alarms_of_a_late_end_come_at_5_15_and_60_minutes_and_then_each_hour() -> None:
    minutes = [0, 4, 5, 14, 15, 59, 60, 119, 120, 180]
    numbers = [late_alarms(m * MINUTE, applies=True) for m in minutes]
    assert numbers == [0, 0, 1, 1, 2, 2, 3, 3, 4, 5]
    assert [late_alarms(h * HOUR, applies=False) for h in (1, 23, 24, 48)] == [0, 0, 1, 2]


def test_i11_an_end_that_azure_refuses_raises_a_growing_alarm(
    stays_up: CapacityRequest, azure: FakeAzure
) -> None:
    alarms = [m for m in range(0, 200, 5) if tell_of_late_ends(at=END + m * MINUTE)]
    assert alarms == [5, 15, 60, 120, 180]
    assert tell_of_late_ends(at=END + 180 * MINUTE) == 0
    assert tell_of_stuck(at=END + 2 * HOUR) == 0, "one alarm is enough"
    assert words(Event.END_LATE) == (
        "acme/chat has 140k TPM and should have 100k TPM since Tue 3 Mar, 18:00. Another operation "
        "runs. It is tried until it is done."
    )


def test_after_an_hour_the_owners_of_the_platform_hear_of_it_too(
    stays_up: CapacityRequest, applying: Pool, ben: User
) -> None:
    applying.owners.add(ben)
    tell_of_late_ends(at=END + 15 * MINUTE)
    assert told(Event.END_LATE) == {"ben"}
    tell_of_late_ends(at=END + HOUR)
    assert told(Event.END_LATE) == {"ben", "cleo"}


def test_an_end_that_is_done_is_not_late_any_more(
    stays_up: CapacityRequest, azure: FakeAzure
) -> None:
    azure.refusals.clear()
    reconcile_at(azure, END + 20 * MINUTE)
    assert late_ends(at=END + HOUR) == []
    assert tell_of_late_ends(at=END + HOUR) == 0


def test_i11_an_end_that_could_not_even_be_planned_is_late_all_the_same(
    burst: CapacityRequest, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch, browse: Browse,
    cleo: User, noon,
) -> None:  # fmt: skip
    reconcile_at(azure, START)

    def odd(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(reconcile, "plan_for", odd)
    reconcile_at(azure, END)
    [late] = late_ends(at=END + 5 * MINUTE)
    assert (late.change, late.since, late.wanted) == (None, END, 100)
    assert tell_of_late_ends(at=END + 5 * MINUTE) == 1
    noon.move_to(END + 5 * MINUTE)
    page = browse(cleo).get("/changes/")
    assert "1 end is late." in words_of(page)
    assert "1 end could not be planned." in words_of(page)
    [row] = page.context["unplanned"]
    assert (row.deployment, row.has, row.should_have) == ("acme/chat", "140k TPM", "100k TPM")
    assert "Not planned It could not be planned: the log" in words_of(page)
    kill_switch.throw(reason="Stop.", by=cleo, at=END + 10 * MINUTE)
    assert tell_of_late_ends(at=END + 15 * MINUTE) == 1
    assert words(Event.END_LATE).endswith(KILLED)


def test_nobody_says_that_a_stuck_change_is_tried_while_the_kill_switch_is_on(
    burst: CapacityRequest, azure: FakeAzure, cleo: User
) -> None:
    kill_switch.throw(reason="Stop.", by=cleo, at=NOON)
    reconcile_at(azure, START)
    assert tell_of_stuck(at=START + 15 * MINUTE) == 1
    assert words(Event.CHANGE_STUCK).endswith(f"since Tue 3 Mar, 10:00. {KILLED}")


def test_what_somebody_edited_waits_for_a_yes_and_is_not_late(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    reconcile_at(azure, START)
    azure.edit("chat", 170)
    sync(azure, START + HOUR)
    reconcile_at(azure, START + HOUR)
    reconcile_at(azure, END)
    assert Change.objects.latest("pk").state == "needs_human"
    assert late_ends(at=END + HOUR) == []


def test_where_headroom_only_observes_it_says_so_once_a_day(
    stays_up: CapacityRequest, applying: Pool, cleo: User, azure: FakeAzure
) -> None:
    pools.switch_mode(applying, mode="observe", by=cleo, at=END)
    hours = [h for h in range(0, 60) if tell_of_late_ends(at=END + h * HOUR)]
    assert hours == [24, 48]
    assert words(Event.END_LATE).endswith("Take it back by hand, or turn applying on.")
    assert late_rows(cleo, at=END + HOUR) == []


def test_nobody_says_that_a_late_end_is_tried_while_the_kill_switch_is_on(
    stays_up: CapacityRequest, browse: Browse, cleo: User, noon
) -> None:
    kill_switch.throw(reason="Stop.", by=cleo, at=END)
    assert tell_of_late_ends(at=END + 5 * MINUTE) == 1
    assert words(Event.END_LATE).endswith(f"since Tue 3 Mar, 18:00. {KILLED}")
    noon.move_to(END + 5 * MINUTE)
    for page in ("/changes/", stays_up.get_absolute_url()):
        seen = words_of(browse(cleo).get(page))
        assert KILLED in seen
        assert "it is tried until" not in seen
        assert "it is taken back" not in seen


def test_dan_of_another_team_sees_nothing_of_adas_late_end(
    stays_up: CapacityRequest, search: Service, ada: User, cleo: User, dan: User
) -> None:
    at = END + 20 * MINUTE
    assert [len(late_rows(each, at=at)) for each in (ada, cleo, dan)] == [1, 1, 0]
    [row] = late_rows(ada, at=at)
    assert (row.has, row.should_have, row.since) == ("140k TPM", "100k TPM", "20 min ago")
    assert row.answer == "RequestConflict"


def test_a_late_end_is_said_first_on_home_and_on_the_page_of_changes(
    stays_up: CapacityRequest, browse: Browse, cleo: User, noon
) -> None:
    noon.move_to(END + 20 * MINUTE)
    for page in ("/", "/changes/"):
        seen = words_of(browse(cleo).get(page))
        assert "1 end is late." in seen
        assert "acme/chat has 140k TPM and should have 100k TPM, since 20 min ago." in seen


def test_a_start_that_was_never_there_gives_up_at_the_end_of_its_window(
    never_up: CapacityRequest, azure: FakeAzure
) -> None:
    change = Change.objects.get()
    assert (change.state, change.gave_up_at) == ("superseded", END)
    assert told(Event.BURST_GAVE_UP) == {"ada", "cleo"}
    assert words(Event.BURST_GAVE_UP) == (
        "40k TPM for Chat assistant, Tue 3 Mar, 10:00–18:00, were approved and never in Azure. The "
        "window is over, so Headroom has stopped trying. Another operation runs. Azure answered: "
        "RequestConflict"
    )
    assert AuditRow.objects.filter(verb="change.gave_up").count() == 1
    held = LedgerEntry.objects.filter(deployment__name="chat").in_force_at(END)
    assert sum(entry.units for entry in held) == 100, "what was held for it is free"
    assert azure.writes == []


def test_what_was_never_there_is_shown_as_never_applied(
    never_up: CapacityRequest, browse: Browse, ada: User, noon
) -> None:
    noon.move_to(END + HOUR)
    grant = grants_of([never_up], at=END + HOUR)[never_up.pk]
    assert grant.status.word == "Never applied"
    page = words_of(browse(ada).get(never_up.get_absolute_url()))
    assert "it was never in Azure" in page
    assert "Azure answered: RequestConflict" in page
    assert "no longer tried" in page


def test_a_burst_that_was_up_or_was_given_back_did_not_give_up(
    burst: CapacityRequest, search: Service, azure: FakeAzure, ada: User, dan: User
) -> None:
    from quotas.services.give_back import give_back

    reconcile_at(azure, START)
    azure.refusals = [BUSY] * 500
    other = ask(search, dan, units=50, at=START, starts_now=True)
    reconcile_at(azure, START + HOUR)
    give_back(other, by=dan, reason="", at=START + 2 * HOUR)
    reconcile_at(azure, START + 2 * HOUR)
    reconcile_at(azure, END)
    assert not Change.objects.filter(gave_up_at__isnull=False).exists()
    assert told(Event.BURST_GAVE_UP) == set()


def test_of_two_bursts_only_the_one_that_was_never_there_gave_up(
    burst: CapacityRequest, azure: FakeAzure, ada: User, chat: Service
) -> None:
    """The second begins while the first is up; Azure refuses it until it is over."""
    reconcile_at(azure, START)
    short = {"starts_at": START + HOUR, "ends_at": START + 2 * HOUR}
    second = ask(chat, ada, units=10, **short)
    azure.refusals = [BUSY] * 500
    reconcile_at(azure, START + HOUR)
    reconcile_at(azure, START + 2 * HOUR)
    given_up = Change.objects.get(gave_up_at__isnull=False)
    assert [each["request"] for each in given_up.because if each.get("gave_up")] == [second.pk]
    grants = grants_of([burst, second], at=START + 2 * HOUR)
    assert grants[second.pk].status.word == "Never applied"
    assert grants[burst.pk].status.word == "On"


def test_an_extension_that_was_served_did_not_give_up_with_a_burst_refused_beside_it(
    burst: CapacityRequest, azure: FakeAzure, ada: User, chat: Service
) -> None:
    """No start names an extension: Azure has it already when it begins."""
    reconcile_at(azure, START)
    over = END + 4 * HOUR
    longer = ask(chat, ada, kind="extension", parent=burst, ends_at=over, occasion="")
    reconcile_at(azure, END)
    refused = ask(chat, ada, units=10, starts_at=END + 3 * HOUR, ends_at=over)
    azure.refusals = [BUSY] * 500
    reconcile_at(azure, END + 3 * HOUR)
    reconcile_at(azure, over)
    given_up = Change.objects.get(gave_up_at__isnull=False)
    assert [each["request"] for each in given_up.because] == [longer.pk, refused.pk]
    assert [each["request"] for each in given_up.because if each.get("gave_up")] == [refused.pk]


@pytest.mark.parametrize("kind", ["burst", "extension"])
def test_who_follows_a_refused_burst_at_once_hears_as_well_that_it_gave_up(
    kind: str, burst: CapacityRequest, azure: FakeAzure, ada: User, chat: Service
) -> None:
    """Azure is to have the same all the time, so there is one change after the other."""
    over = END + 4 * HOUR
    more = {"parent": burst, "occasion": ""} if kind == "extension" else {"starts_at": END}
    second = ask(chat, ada, kind=kind, ends_at=over, **more)
    azure.refusals = [BUSY] * 500
    for hour in range(13):
        reconcile_at(azure, START + hour * HOUR)
    notices = Notice.objects.filter(event=Event.BURST_GAVE_UP).order_by("at")
    assert [(each.subject, each.at) for each in notices] == [
        (f"request/{burst.pk}", END),
        (f"request/{second.pk}", over),
    ]
    tell_of_bursts(at=over + MINUTE)
    assert not Notice.objects.filter(event=Event.BURST_ENDED).exists()


def test_an_equal_burst_that_comes_up_after_all_did_not_give_up(
    burst: CapacityRequest, azure: FakeAzure, ada: User, chat: Service
) -> None:
    second = ask(chat, ada, starts_at=END, ends_at=END + 4 * HOUR)
    azure.refusals = [BUSY] * 500
    reconcile_at(azure, START)
    azure.refusals = []
    reconcile_at(azure, END)
    assert azure.writes == [("chat", 140)]
    reconcile_at(azure, END + 4 * HOUR)
    [told_of] = Notice.objects.filter(event=Event.BURST_GAVE_UP)
    assert (told_of.subject, told_of.at) == (f"request/{burst.pk}", END)
    assert grants_of([second], at=END + HOUR)[second.pk].gave_up is None


def test_what_somebody_took_away_by_hand_had_been_there(
    burst: CapacityRequest, azure: FakeAzure, ada: User, chat: Service
) -> None:
    over = END + 4 * HOUR
    ask(chat, ada, kind="extension", parent=burst, ends_at=over, occasion="")
    reconcile_at(azure, START)
    reconcile_at(azure, END)
    azure.edit("chat", 100)
    sync(azure, END + HOUR)
    reconcile_at(azure, END + HOUR)
    assert Change.objects.get(state="needs_human").to_units == 140
    reconcile_at(azure, over)
    assert told(Event.BURST_GAVE_UP) == set()


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (True, "Another operation runs. Azure answered: RequestConflict"),
        (False, "The kill switch was on when its window ended, so nothing was written to Azure."),
    ],
)
def test_a_kill_switch_is_the_cause_only_where_azure_never_refused(
    refused: bool, why: str, burst: CapacityRequest, azure: FakeAzure, cleo: User
) -> None:
    azure.refusals = [BUSY] * 500
    if refused:
        reconcile_at(azure, START)
    kill_switch.throw(reason="Look first.", by=cleo, at=END - HOUR)
    reconcile_at(azure, END - HOUR)
    reconcile_at(azure, END)
    assert words(Event.BURST_GAVE_UP).endswith(f"Headroom has stopped trying. {why}")
