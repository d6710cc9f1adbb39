"""What people hear without anybody's doing: bursts in time, limits, drift, refusals, stuck ends."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from portal.kernel.errors import CloudError, CloudReason
from portal.models import Message, Notice, User
from portal.outbox import Event
from portal.outbox.wording import said, zone_of
from quotas.models import CapacityRequest, Deployment, Pool, Service
from quotas.services.asking import Draft
from quotas.services.burst_news import next_moment, tell_of_bursts
from quotas.services.change_news import alarms_due, tell_of_stuck
from quotas.services.decisions import approve
from quotas.services.give_back import give_back
from quotas.services.requests import submit
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, FakeEvidence, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
pytestmark = pytest.mark.django_db


def events(of: str = "burst.") -> list[str]:
    rows = Notice.objects.filter(event__startswith=of).order_by("pk")
    return list(rows.values_list("event", flat=True))


def told(event: Event) -> set[str]:
    rows = Message.objects.filter(notice__event=event)
    return set(rows.values_list("person__username", flat=True))


def words(event: Event, at: datetime = NOON) -> str:
    return said(Notice.objects.filter(event=event).latest("pk"), zone_of("UTC"), now=at).sentence


def live(azure: FakeAzure, moments: Iterable[datetime]) -> None:
    for at in moments:
        reconcile_at(azure, at)
        tell_of_bursts(at=at)


@pytest.fixture
def on(applying: Pool, granted: CapacityRequest, azure: FakeAzure) -> CapacityRequest:
    """Ada's burst of 60 units, up since 10:00."""
    live(azure, [START])
    return granted


def test_a_burst_is_told_when_azure_was_read_back_with_it(on: CapacityRequest):
    assert events() == ["burst.applied"]
    assert told(Event.BURST_APPLIED) == {"ada"}
    assert words(Event.BURST_APPLIED) == (
        "60k TPM for Chat assistant are there until Tue 3 Mar, 18:00: Azure was read back and "
        "has them."
    )


def test_i10_its_life_is_told_in_order_and_each_part_once(on: CapacityRequest, azure: FakeAzure):
    live(azure, [START + MINUTE * n for n in range(0, 60 * 24, 30)])
    assert events() == [
        "burst.applied",
        "burst.ending_soon",
        "burst.ended",
        "burst.report",
    ]
    assert words(Event.BURST_REPORT).endswith(
        "80 % of it was used at its busiest, 40 % on average; 12 minutes were kept from being "
        "throttled; it cost ≈ $12.40."
    )
    assert Notice.objects.get(event="burst.ending_soon").at == END - HOUR


def test_with_a_lead_its_start_is_told_while_azure_is_asked(
    applying: Pool, waiting: CapacityRequest, cleo: User
):
    Pool.objects.update(lead=timedelta(minutes=15))
    waiting.refresh_from_db()
    approve(CapacityRequest.objects.get(), by=cleo, note="", at=NOON)
    tell_of_bursts(at=START - 16 * MINUTE)
    assert events() == []
    tell_of_bursts(at=START - 15 * MINUTE)
    assert events() == ["burst.starting"]


def test_a_pool_that_only_observes_never_says_that_a_burst_is_up(
    granted: CapacityRequest, azure: FakeAzure
):
    live(azure, [START, START + 4 * MINUTE])
    assert events() == []
    live(azure, [START + 5 * MINUTE, START + HOUR, END, END + 3 * HOUR])
    assert events() == ["burst.not_applied"]
    assert "observe-only" in words(Event.BURST_NOT_APPLIED)


def test_what_azure_refuses_is_told_with_the_reason_and_once_it_is_up_that_too(
    applying: Pool, granted: CapacityRequest, azure: FakeAzure
):
    azure.refusals = [CloudError(CloudReason.FORBIDDEN, "Headroom may not write there.")] * 2
    live(azure, [START, START + 5 * MINUTE, START + 30 * MINUTE])
    assert events() == ["burst.not_applied", "burst.applied"]
    assert told(Event.CHANGE_BLOCKED) == {"cleo"}
    assert "Headroom may not write there." in words(Event.CHANGE_BLOCKED)


def test_what_was_given_back_is_not_said_to_end_soon(on: CapacityRequest, ada: User, azure):
    give_back(on, by=ada, reason="", at=START + HOUR)
    live(azure, [START + HOUR, START + 2 * HOUR])
    assert events() == ["burst.applied", "burst.ended"]


def test_old_bursts_are_history_and_no_news(on: CapacityRequest, azure: FakeAzure):
    Notice.objects.exclude(event="burst.applied").delete()
    live(azure, [END + timedelta(days=1)])
    assert events() == ["burst.applied"]


def test_missing_minutes_are_waited_for_and_then_said_to_be_missing(
    on: CapacityRequest, azure, usage: FakeEvidence
):
    usage.used_share = None
    live(azure, [END, END + 2 * HOUR, END + 11 * HOUR])
    assert Event.BURST_REPORT not in events()
    live(azure, [END + 12 * HOUR])
    assert "How much of it was used is not known" in words(Event.BURST_REPORT)


def test_trouble_with_one_burst_keeps_nobody_from_hearing_of_another(
    on: CapacityRequest, search: Service, dan: User, azure, monkeypatch
):
    ask(search, dan, at=START, starts_now=True, ends_at=END + 3 * HOUR)
    live(azure, [START + MINUTE])

    def broken(*_: object) -> str:
        raise RuntimeError

    monkeypatch.setattr("quotas.services.burst_news.make_report", broken)
    live(azure, [END + 2 * HOUR])
    assert told(Event.BURST_ENDING_SOON) == {"dan"}


def test_the_stepper_stops_where_time_alone_makes_news(on: CapacityRequest):
    assert next_moment(after=START) == START + 5 * MINUTE
    assert next_moment(after=START + HOUR) == END - HOUR
    assert next_moment(after=END) == END + 2 * HOUR
    assert next_moment(after=END + 2 * HOUR) is None


def lower(azure: FakeAzure, units: int, at: datetime) -> None:
    azure.limit_units = units
    sync(azure, at)


def test_a_lower_limit_is_told_to_owners_of_what_no_longer_fits_once(
    granted: CapacityRequest, search: Service, azure: FakeAzure
):
    lower(azure, 310, NOON + HOUR)
    lower(azure, 310, NOON + 2 * HOUR)
    assert told(Event.GRANT_AT_RISK) == {"ada"}
    assert Notice.objects.filter(event=Event.GRANT_AT_RISK).count() == 1
    assert words(Event.GRANT_AT_RISK) == (
        "Azure lowered the limit of gpt-4o · Global Standard · eastus from 1,000 units to 310 "
        "units. 50k TPM of Chat assistant no longer fit, Tue 3 Mar, 10:00–18:00. The owners of the "
        "pool are told too; ask them what to do."
    )
    assert told(Event.POOL_LIMIT_CHANGED) == {"cleo"}
    assert words(Event.POOL_LIMIT_CHANGED).endswith(
        "One grant no longer fits; its owners are told."
    )


def test_a_limit_that_falls_further_is_told_again_and_one_that_rises_says_so(
    granted: CapacityRequest, search: Service, azure: FakeAzure
):
    lower(azure, 310, NOON + HOUR)
    lower(azure, 290, NOON + 2 * HOUR)
    assert told(Event.GRANT_AT_RISK) == {"ada", "dan"}  # now the steady need of one is short too
    lower(azure, 1000, NOON + 3 * HOUR)
    assert told(Event.GRANT_SAFE_AGAIN) == {"ada"}
    assert "Nothing that is granted is newly at risk." in words(Event.POOL_LIMIT_CHANGED)


def test_a_limit_that_still_holds_everything_is_told_to_operators_only(
    granted: CapacityRequest, azure: FakeAzure
):
    lower(azure, 900, NOON + HOUR)
    assert not told(Event.GRANT_AT_RISK)
    assert told(Event.POOL_LIMIT_CHANGED) == {"cleo"}


def test_a_pools_own_owners_hear_of_it_instead_of_the_platforms(
    granted: CapacityRequest, azure: FakeAzure, ben: User
):
    granted.deployment.pool.owners.add(ben)
    lower(azure, 900, NOON + HOUR)
    assert told(Event.POOL_LIMIT_CHANGED) == {"ben"}


def test_what_is_seen_first_and_is_nobodys_is_told_in_one_notice(cleo: User, azure: FakeAzure):
    for number in range(7):
        azure.add(deployment_seen(f"more-{number}", 5))
    sync(azure)
    assert told(Event.DEPLOYMENT_UNMAPPED) == {"cleo"}
    assert "and 4 more" in words(Event.DEPLOYMENT_UNMAPPED)
    sync(azure, NOON + HOUR)
    azure.add(deployment_seen("late", 5))
    sync(azure, NOON + 2 * HOUR)
    assert Notice.objects.filter(event=Event.DEPLOYMENT_UNMAPPED).count() == 2
    assert "acme/late" in words(Event.DEPLOYMENT_UNMAPPED)


def test_drift_is_told_to_who_operates_the_pool_and_again_each_day(
    applying: Pool, chat: Service, azure: FakeAzure
):
    azure.add(deployment_seen("chat", 150))
    sync(azure, NOON + HOUR)
    reconcile_at(azure, NOON + HOUR)
    reconcile_at(azure, NOON + 2 * HOUR)
    assert told(Event.DRIFT_FOUND) == {"cleo"}
    assert Notice.objects.filter(event=Event.DRIFT_FOUND).count() == 1
    assert "has 150k TPM in Azure, and 100k TPM by the ledger" in words(Event.DRIFT_FOUND)
    assert tell_of_stuck(at=NOON + 24 * HOUR) == 0
    assert tell_of_stuck(at=NOON + 25 * HOUR) == 1
    assert tell_of_stuck(at=NOON + 25 * HOUR) == 0


def test_alarms_come_less_and_less_often():
    assert [alarms_due(HOUR * h, waits=False) for h in (0, 1, 3, 4, 23, 24, 49)] == [
        0, 2, 2, 3, 3, 4, 5
    ]  # fmt: skip
    assert [alarms_due(HOUR * h, waits=True) for h in (1, 23, 24, 48)] == [0, 0, 1, 2]


def test_dan_of_another_team_hears_nothing_of_adas_burst_and_limit(
    on: CapacityRequest, search: Service, dan: User, azure: FakeAzure
):
    lower(azure, 355, START + HOUR)
    live(azure, [END - HOUR, END, END + 2 * HOUR])
    assert not Message.objects.visible_to(dan).exists()


def test_somebody_who_left_hears_nothing_and_the_deputy_does(
    applying: Pool, granted: CapacityRequest, ada: User, ben: User, azure: FakeAzure
):
    Service.objects.update(deputy=ben)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    live(azure, [START])
    assert told(Event.BURST_APPLIED) == {"ben"}


def test_a_deployment_that_went_and_is_mapped_is_not_called_nobodys(chat: Service, azure):
    Notice.objects.all().delete()
    sync(azure, NOON + HOUR)
    assert not Notice.objects.filter(event=Event.DEPLOYMENT_UNMAPPED).exists()
    assert Deployment.objects.unmapped().exists()


def test_an_extended_burst_is_not_said_to_end(on: CapacityRequest, ada: User, cleo: User, azure):
    longer = Draft(
        service=on.service,
        deployment=on.deployment,
        kind=CapacityRequest.Kind.EXTENSION,
        parent=on,
        units=on.units,
        starts_at=END,
        ends_at=END + 4 * HOUR,
        purpose="The queue is long.",
    )
    sent = submit(longer, by=ada, at=START + HOUR)
    if sent.state != CapacityRequest.State.APPROVED:
        approve(sent, by=cleo, note="", at=START + HOUR)
    live(azure, [END - HOUR, END, END + HOUR])
    assert events() == ["burst.applied"]
    live(azure, [END + 3 * HOUR, END + 4 * HOUR])
    assert events() == ["burst.applied", "burst.report", "burst.ending_soon", "burst.ended"]


def test_once_a_request_is_decided_nobody_is_asked_to_decide_it_any_more(
    waiting: CapacityRequest, cleo: User, browse
):
    assert Message.objects.visible_to(cleo).unread().filter(notice__event=Event.REQUEST_SUBMITTED)
    approve(waiting, by=cleo, note="", at=NOON)
    asked = Message.objects.get(notice__event=Event.REQUEST_SUBMITTED)
    assert asked.read_at == NOON
    assert Message.objects.unread().filter(notice__event=Event.REQUEST_APPROVED).exists()
