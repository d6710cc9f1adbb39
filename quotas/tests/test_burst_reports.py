"""The report on a burst that is over: made once, told, kept, shown, read with the next."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from portal.kernel.windows import Window
from portal.models import Message, User
from portal.outbox import Event
from quotas.models import BurstReport, CapacityRequest, Pool, Service
from quotas.services.burst_news import tell_of_bursts
from quotas.services.burst_reports import make_report, spans_of
from quotas.services.evidence import asked_of, gather
from quotas.services.give_back import give_back
from quotas.tests.conftest import Browse, ask, reconcile_at, words_of
from quotas.tests.factories import FakeAzure, FakeEvidence, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
HOUR = timedelta(hours=1)
DUE = END + 2 * HOUR


@pytest.fixture
def over(applying: Pool, granted: CapacityRequest, azure: FakeAzure) -> CapacityRequest:
    """Ada's burst of 60 units was up from 10:00 to 18:00."""
    for at in (START, END):
        live(azure, at)
    return granted


def live(azure: FakeAzure, at: datetime) -> None:
    reconcile_at(azure, at)
    tell_of_bursts(at=at)


def test_it_is_made_and_told_once_its_last_hour_is_final(over: CapacityRequest, azure: FakeAzure):
    live(azure, DUE - timedelta(minutes=1))
    assert not BurstReport.objects.exists()
    live(azure, DUE)
    live(azure, DUE + HOUR)
    report = BurstReport.objects.get(request=over)
    assert report.made_at == DUE
    assert (report.facts["asked_units"], report.facts["granted_units"]) == (60, 60)
    told = Message.objects.filter(notice__event=Event.BURST_REPORT)
    assert [message.person.username for message in told] == ["ada"]


def test_it_is_never_edited(over: CapacityRequest, azure: FakeAzure):
    live(azure, DUE)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        BurstReport.objects.update(facts={})
    assert BurstReport.objects.get().facts["minutes"] == 480


def test_of_what_was_never_in_azure_there_is_none(
    browse: Browse, granted: CapacityRequest, azure: FakeAzure, ada: User, noon
):
    for at in (START, END, DUE, END + 13 * HOUR):
        live(azure, at)
    assert not BurstReport.objects.exists()
    noon.move_to(END + HOUR)
    assert "The report on how it was used" not in words_of(
        browse(ada).get(granted.get_absolute_url())
    )


def test_what_was_given_back_is_below_nought_in_its_spans(
    applying: Pool, granted: CapacityRequest, ada: User
):
    give_back(granted, by=ada, reason="", at=START + HOUR, units=20)
    assert spans_of(granted) == ((Window(START, END), 60), (Window(START + HOUR, END), -20))


def test_the_page_says_when_it_comes_and_then_shows_it(
    browse: Browse, over: CapacityRequest, azure: FakeAzure, ada: User, noon
):
    noon.move_to(END + HOUR)
    hers, address = browse(ada), over.get_absolute_url()
    assert "The report on how it was used comes Tue 3 Mar, 20:00" in words_of(hers.get(address))
    live(azure, DUE)
    noon.move_to(DUE)
    shown = words_of(hers.get(address))
    for expected in (
        "How it was used", "80 % of it was used at its busiest, 40 % on average",
        "80 % of it (148k TPM in all)", "2 with it, 14 without it", "12 minutes", "≈ $12.40",
        "Asked+60k TPM", "Approved+60k TPM",
    ):  # fmt: skip
        assert expected in shown
    assert "The report on how it was used comes" not in shown


def test_a_report_over_missing_minutes_says_so_and_knows_nothing(
    browse: Browse, over, azure, usage: FakeEvidence, ada: User, noon
):
    usage.used_share = None
    live(azure, END + 11 * HOUR)
    assert not BurstReport.objects.exists()
    live(azure, END + 12 * HOUR)
    noon.move_to(END + 12 * HOUR)
    answer = browse(ada).get(over.get_absolute_url())
    assert "How much of it was used is not known, as minutes are missing." in words_of(answer)
    assert answer.context["page"].report.has_gaps
    assert "$" not in answer.context["page"].report.line


def test_the_next_approver_reads_one_line_of_it(
    browse: Browse, over, azure, chat: Service, ada: User, cleo: User, noon
):
    live(azure, DUE)
    at = END + 24 * HOUR
    noon.move_to(at)
    ask(chat, ada, at=at, units=60, starts_at=at + HOUR, ends_at=at + 3 * HOUR)
    shown = words_of(browse(cleo).get(reverse("inbox")))
    assert "used 80 %, 40 % on average, 12 minutes kept from throttling, ≈ $12.40" in shown


def test_the_policy_reads_its_share_where_the_minutes_are_gone(
    over, azure, chat: Service, ada: User, usage: FakeEvidence
):
    live(azure, DUE)
    usage.used_share = None
    at = END + 24 * HOUR
    asked = ask(chat, ada, at=at, units=60, starts_at=at + HOUR, ends_at=at + 3 * HOUR)
    facts = gather(asked_of(asked), at=at).facts
    assert (facts.had_a_burst, str(facts.last_burst_used_share)) == (True, "0.8")


def test_making_it_twice_makes_one(over: CapacityRequest):
    first = make_report(over, Window(START, END), at=DUE)
    assert make_report(over, Window(START, END), at=DUE + HOUR) == first


def test_by_the_api_it_is_there_once_it_is_made_and_for_none_but_its_own(
    browse: Browse, over: CapacityRequest, azure, search: Service, ada: User, dan: User
):
    address = reverse("api_request_report", args=[over.pk])
    assert browse(ada).get(address).status_code == 404
    live(azure, DUE)
    found = browse(ada).get(address).json()
    assert (found["request"], found["peak_share"], found["throttled_without"]) == (over.pk, 0.8, 14)
    assert (found["cost"], found["cost_is_estimated"]) == ("12.4000", True)
    assert found["sentence"].replace("\u202f", " ").startswith("80 % of it was used")
    assert browse(dan).get(address).status_code == 404
