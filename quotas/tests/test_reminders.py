"""Reminders and escalation in business hours, each told once; delegations and reviews on pages.

NOON is a Monday, 12:00 UTC. Ada asks for 60 units on top of 100, for Tuesday 10 to 18.
"""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from portal.kernel.errors import DomainError
from portal.kernel.windows import Window
from portal.models import AuditRow, Message, User
from quotas.domain.business_hours import BusinessHours
from quotas.domain.stages import ALL_OF, PEOPLE, Stage
from quotas.models import CapacityRequest, Delegation, Pool, ReviewHours, Service
from quotas.selectors.review_hours import Reviews, reviews_of
from quotas.selectors.urgency import queue_of
from quotas.services import decisions, questions, timeouts
from quotas.services.reminders import remind_waiting
from quotas.services.review_settings import set_reviews
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import NOON, person, utc
from quotas.tests.test_stages import MONEY, OWNERS, inbox_of, publish

IN_UTC = Reviews(BusinessHours(ZoneInfo("UTC")))  # 4 hours from noon on: 16:00; 8: 12:00 tomorrow
THURSDAY = {"starts_at": utc("2026-03-05 10:00"), "ends_at": utc("2026-03-05 18:00")}


@pytest.fixture
def lena(pool: Pool, cleo: User) -> User:
    """The fallback approver of the pool, which works 9 to 17 UTC."""
    found = person("Lena")
    set_reviews(pool, IN_UTC, fallback=[found], by=cleo, at=NOON)
    return found


@pytest.fixture
def long(chat: Service, ada: User, lena: User) -> CapacityRequest:
    return ask(chat, ada, units=60, **THURSDAY)


def told(event: str) -> list[str]:
    rows = Message.objects.filter(notice__event=f"request.{event}").order_by("pk")
    return list(rows.values_list("person__username", flat=True))


def run(*moments: str) -> None:
    for moment in moments:
        remind_waiting(at=utc(moment))


def test_approvers_are_reminded_once_after_their_hours(long: CapacityRequest) -> None:
    run("2026-03-02 15:59")
    assert told("reminder") == []
    run("2026-03-02 16:00", "2026-03-02 16:01", "2026-03-03 09:00")
    assert told("reminder") == ["cleo"]


def test_the_fallback_approvers_are_asked_once_and_may_decide_then(
    long: CapacityRequest, lena: User
) -> None:
    run("2026-03-02 16:00", "2026-03-03 11:59")
    assert (told("escalated"), inbox_of(lena)) == ([], [])
    run("2026-03-03 12:00", "2026-03-03 12:01")
    assert told("escalated") == ["lena"]
    assert inbox_of(lena) == [long.pk]
    assert AuditRow.objects.filter(verb="burst.escalated").count() == 1
    decisions.approve(
        CapacityRequest.objects.get(pk=long.pk), by=lena, note="", at=utc("2026-03-03 12:05")
    )
    assert CapacityRequest.objects.get(pk=long.pk).state == "approved"


def test_what_is_asked_from_now_on_is_late_by_the_hours_of_its_own_pool(
    pool: Pool, chat: Service, ada: User, cleo: User
) -> None:
    set_reviews(pool, replace(IN_UTC, remind_after_hours=1), fallback=[], by=cleo, at=NOON)
    asked = ask(chat, ada, units=60, starts_now=True)
    found = queue_of(CapacityRequest.objects.all(), at=utc("2026-03-02 13:00"))
    assert found.urgency[asked.pk].due_at == utc("2026-03-02 13:00")
    assert (found.ids, found.late) == ([asked.pk], 1)


def test_nights_and_holidays_do_not_count(pool: Pool, long: CapacityRequest, cleo: User) -> None:
    closed = replace(IN_UTC.hours, holidays=frozenset({date(2026, 3, 3)}))
    set_reviews(pool, Reviews(closed), fallback=[person("Lena")], by=cleo, at=NOON)
    run("2026-03-03 16:00")
    assert told("escalated") == []
    run("2026-03-04 12:00")  # five hours on Monday, three on Wednesday
    assert told("escalated") == ["lena"]


def test_what_moved_has_its_whole_time_again(long: CapacityRequest, ada: User, cleo: User) -> None:
    run("2026-03-02 16:00")
    request = CapacityRequest.objects.get(pk=long.pk)
    questions.ask(request, by=cleo, note="Why?", at=utc("2026-03-02 16:30"))
    run("2026-03-03 16:00")  # a question waits for the requester: nobody is reminded
    questions.answer(request, by=ada, note="So.", at=utc("2026-03-04 09:00"))
    run("2026-03-04 12:59")
    assert told("reminder") == ["cleo"]
    run("2026-03-04 13:00")
    assert told("reminder") == ["cleo", "cleo"]


def test_a_stage_of_finance_is_reminded_and_not_escalated(
    chat: Service, ada: User, fay: User, lena: User
) -> None:
    publish(MONEY)
    ask(chat, ada, units=60, **THURSDAY)
    run("2026-03-02 16:00", "2026-03-04 16:00")
    assert (told("reminder"), told("escalated")) == (["fay"], [])


def test_without_fallback_approvers_nothing_is_escalated(
    pool: Pool, chat: Service, ada: User, cleo: User
) -> None:
    publish(OWNERS)
    request = ask(chat, ada, units=60, **THURSDAY)
    run("2026-03-04 09:00")
    request.refresh_from_db()
    assert (request.escalated_at, told("escalated")) == (None, [])


def test_a_fallback_approver_who_asked_is_not_asked(
    pool: Pool, chat: Service, ada: User, cleo: User
) -> None:
    set_reviews(pool, IN_UTC, fallback=[ada], by=cleo, at=NOON)
    ask(chat, ada, units=60, **THURSDAY)
    run("2026-03-04 09:00")
    assert told("escalated") == []


def test_a_pool_without_hours_of_its_own_has_the_usual(pool: Pool) -> None:
    found = reviews_of(pool)
    assert (found.remind_after_hours, found.escalate_after_hours) == (4, 8)
    assert found.hours.is_open_on(date(2026, 3, 2))
    assert not found.hours.is_open_on(date(2026, 3, 7))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"hours": replace(IN_UTC.hours, weekdays=frozenset())}, "at least one day"),
        ({"hours": replace(IN_UTC.hours, closes=time(9))}, "close after it opens"),
        ({"remind_after_hours": 0}, "Remind after 1"),
        ({"escalate_after_hours": 3}, "no sooner than the reminder"),
    ],
)
def test_hours_that_cannot_be_are_refused(
    pool: Pool, cleo: User, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(DomainError, match=sentence):
        set_reviews(pool, replace(IN_UTC, **changed), fallback=[], by=cleo, at=NOON)  # type: ignore[arg-type]
    assert not ReviewHours.objects.exists()


# Pages

REVIEWS = {
    "fallback": [],
    "time_zone": "Europe/Zurich",
    "weekdays": ["0", "1"],
    "opens": "08:00",
    "closes": "12:00",
    "holidays": "2026-12-25\n2027-01-01",
    "remind_after_hours": "2",
    "escalate_after_hours": "6",
}


def test_an_owner_sets_the_reviews_of_the_pool(browse: Browse, pool: Pool, cleo: User) -> None:
    lena, hers = person("Lena"), browse(cleo)
    address = reverse("pool_reviews", args=[pool.pk])
    assert 'value="09:00"' in hers.get(address).content.decode()
    answer = hers.post(address, {**REVIEWS, "fallback": [lena.pk]}, follow=True)
    shown = words_of(answer)
    assert "Mon, Tue 08:00–12:00 Europe/Zurich, less 2 holidays" in shown
    assert "Fallback approversLena" in shown
    assert AuditRow.objects.filter(verb="pool.reviews_set").count() == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"weekdays": []}, "at least one day"),
        ({"closes": "07:00"}, "close after it opens"),
        ({"holidays": "Christmas"}, "Write dates such as"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"escalate_after_hours": "1"}, "no sooner than the reminder"),
    ],
)
def test_reviews_that_cannot_be_are_said_beside_their_field(
    browse: Browse, pool: Pool, cleo: User, typed: dict[str, object], sentence: str
) -> None:
    answer = browse(cleo).post(reverse("pool_reviews", args=[pool.pk]), {**REVIEWS, **typed})
    assert (answer.status_code, sentence in words_of(answer)) == (422, True)
    assert not ReviewHours.objects.exists()


def test_others_do_not_set_them(browse: Browse, chat: Service, ada: User, dan: User) -> None:
    address = reverse("pool_reviews", args=[Pool.objects.get().pk])
    assert browse(ada).post(address, REVIEWS).status_code == 422
    assert browse(dan).post(address, REVIEWS).status_code == 404
    assert not ReviewHours.objects.exists()


def given(taker: User, **more: object) -> dict[str, object]:
    window = {"starts_at": "2026-03-02T12:00", "ends_at": "2026-03-09T12:00"}
    return {"to": taker.pk, "pool": "", "reason": "Holidays.", **window, **more}


def test_somebody_decides_in_ones_place_until_it_is_ended(
    browse: Browse, waiting: CapacityRequest, cleo: User, dan: User, noon: object
) -> None:
    hers, address = browse(cleo), reverse("delegations")
    answer = hers.post(address, given(dan), follow=True)
    assert "Dan is told." in words_of(answer)
    assert "DanCleoevery pool" in words_of(answer)
    assert inbox_of(dan, NOON) == [waiting.pk]
    delegation = Delegation.objects.get()
    noon.move_to(datetime(2026, 3, 2, 13, tzinfo=ZoneInfo("UTC")))  # type: ignore[attr-defined]
    ended = browse(dan).post(reverse("delegation_end", args=[delegation.pk]), follow=True)
    assert "from now on nobody decides by it" in words_of(ended)
    assert inbox_of(dan, utc("2026-03-02 13:00")) == []


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"to": ""}, "Choose who decides in your place."),
        ({"ends_at": "2026-03-02T12:00"}, "The end must be after the start."),
        ({"starts_at": "2026-02-01T12:00", "ends_at": "2026-02-02T12:00"}, "That time is over."),
    ],
)
def test_a_delegation_that_cannot_be_is_refused_with_the_reason(
    browse: Browse, cleo: User, dan: User, typed: dict[str, object], sentence: str
) -> None:
    answer = browse(cleo).post(reverse("delegations"), given(dan, **typed))
    assert (answer.status_code, sentence in words_of(answer)) == (422, True)
    assert not Delegation.objects.exists()


def test_others_neither_see_nor_end_a_delegation(
    browse: Browse, cleo: User, dan: User, ben: User
) -> None:
    from quotas.services.delegations import delegate

    week = Window(NOON, utc("2026-03-09 12:00"))
    delegation = delegate(dan, week, by=cleo, at=NOON)
    his = browse(ben)
    assert "No delegations" in words_of(his.get(reverse("delegations")))
    assert his.post(reverse("delegation_end", args=[delegation.pk])).status_code == 404
    assert Delegation.objects.get().effective_until == week.end


def test_where_each_has_to_say_yes_nobody_is_reminded_who_did(
    pool: Pool, chat: Service, ada: User, cleo: User, fay: User
) -> None:
    publish(Stage("Both", ALL_OF, PEOPLE, 96, people=(cleo.pk, fay.pk)))
    set_reviews(pool, IN_UTC, fallback=[], by=cleo, at=NOON)
    asked = ask(chat, ada, units=60, **THURSDAY)
    stand_in = person("Stan")
    Delegation.objects.create(
        from_person=fay, to_person=stand_in, effective_from=NOON, reason="Away.",
        effective_until=utc("2026-03-09 12:00"), recorded_at=NOON,
    )  # fmt: skip
    decisions.approve(asked, by=fay, note="", at=utc("2026-03-02 13:00"))
    run("2026-03-02 17:00")
    assert told("reminder") == ["cleo"]
    Message.objects.all().delete()
    timeouts.tell_late(at=utc("2026-03-05 10:00"))
    assert told("late") == ["cleo"]
