"""How long people usually take to answer: a median over 90 days, and never of a few."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.models import User
from quotas.domain.stages import ANY_OF, FINANCE, POOL_OWNERS, Stage
from quotas.models import CapacityRequest, Service
from quotas.selectors.answer_times import usual_answer
from quotas.services import decisions
from quotas.services.budgets import set_budget
from quotas.tests.conftest import HTMX, Browse, ask, words_of
from quotas.tests.factories import NO_USAGE, NOON, FakeEvidence, utc

OWNERS = Stage("Platform owners", ANY_OF, POOL_OWNERS, 168)
MONEY = Stage("Finance", ANY_OF, FINANCE, 72)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def denied(service: Service, by: User, cleo: User, *, minutes: int) -> CapacityRequest:
    asked = ask(service, by, units=60)
    return decisions.deny(asked, by=cleo, note="No.", at=NOON + minutes * MINUTE)


@pytest.fixture
def ten(chat: Service, ada: User, cleo: User) -> None:
    for minutes in (5, 10, 20, 30, 40, 44, 50, 60, 90, 6000):
        denied(chat, ada, cleo, minutes=minutes)


def test_the_median_of_ten_is_told(ten: None) -> None:
    assert usual_answer([OWNERS], at=NOON + 10 * DAY) == 42 * MINUTE


def test_nine_are_too_few(ten: None) -> None:
    CapacityRequest.objects.filter(pk=CapacityRequest.objects.first().pk).update(  # type: ignore[union-attr]
        state="withdrawn"
    )
    assert usual_answer([OWNERS], at=NOON + 10 * DAY) is None


def test_what_was_answered_before_the_90_days_does_not_count(ten: None) -> None:
    assert usual_answer([OWNERS], at=NOON + 90 * DAY + 5 * MINUTE) == 42 * MINUTE
    assert usual_answer([OWNERS], at=NOON + 90 * DAY + 6 * MINUTE) is None


def test_other_stages_have_other_medians(ten: None) -> None:
    assert usual_answer([OWNERS, MONEY], at=NOON + 10 * DAY) is None
    assert usual_answer([MONEY], at=NOON + 10 * DAY) is None


def test_what_the_policy_answered_itself_is_no_answer_of_people(
    chat: Service, ada: User, ten: None
) -> None:
    for _ in range(12):
        assert ask(chat, ada, units=1).state == "approved"
    assert usual_answer([OWNERS], at=NOON + 10 * DAY) == 42 * MINUTE


VERDICT = (
    "/services/chat-assistant/burst/"
    "?verdict=yes&amount=60k&starts_at=2026-03-20T10:00&ends_at=2026-03-20T18:00"
)


def test_the_form_says_who_answers_and_how_long_it_usually_takes(
    browse: Browse, ada: User, ten: None, noon: object
) -> None:
    noon.move_to(utc("2026-03-12 12:00"))  # type: ignore[attr-defined]
    said = words_of(browse(ada).get(VERDICT, headers=HTMX))
    assert "Goes to Platform owners, median 42 min over 90 days, because:" in said


def test_the_form_says_what_is_left_of_the_budget(
    browse: Browse, chat: Service, ada: User, fay: User, usage: FakeEvidence
) -> None:
    client = browse(ada)
    assert "budget" not in words_of(client.get(VERDICT, headers=HTMX))
    set_budget(chat.team, amount=Decimal(500), from_month=date(2026, 3, 1), by=fay, at=NOON)
    assert "your team’s budget is left is not known" in words_of(client.get(VERDICT, headers=HTMX))
    usage.answer = replace(NO_USAGE, team_month_to_date_usd=Decimal(120))
    assert "Of your team’s budget $380 are left this month" in words_of(
        client.get(VERDICT, headers=HTMX)
    )


def test_the_form_does_not_say_it_of_a_few(browse: Browse, chat: Service, ada: User) -> None:
    said = words_of(browse(ada).get(VERDICT, headers=HTMX))
    assert "Goes to Platform owners, because:" in said
