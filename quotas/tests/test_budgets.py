"""Budgets of teams: dated by month, of the finance zone, and what is left when somebody asks."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from portal.kernel.errors import DomainError
from portal.models import AuditRow, User
from quotas.models import Service, Team, TeamBudget
from quotas.selectors.budgets import budget_list, budget_of, month_of, next_months
from quotas.services.budgets import set_budget
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import NO_USAGE, NOON, FakeEvidence, utc

MARCH, APRIL, JUNE = date(2026, 3, 1), date(2026, 4, 1), date(2026, 6, 1)


def months(team: Team) -> list[tuple[date, date, Decimal]]:
    rows = team.budgets.order_by("from_month")
    return [(row.from_month, row.until_month, row.amount) for row in rows]


def test_a_budget_holds_from_its_month_until_the_next_one(atlas: Team, fay: User) -> None:
    set_budget(atlas, amount=Decimal(500), from_month=MARCH, by=fay, at=NOON)
    set_budget(atlas, amount=Decimal(800), from_month=JUNE, by=fay, at=NOON)
    found = [budget_of(atlas, at=utc(f"2026-{month}")) for month in
             ("02-28 23:59", "03-01 00:00", "05-31 23:59", "06-01 00:00")]  # fmt: skip
    assert found == [None, 500, 500, 800]


def test_a_new_amount_replaces_what_was_planned_for_later(atlas: Team, fay: User) -> None:
    for amount, month in ((500, MARCH), (800, JUNE), (600, APRIL)):
        set_budget(atlas, amount=Decimal(amount), from_month=month, by=fay, at=NOON)
    assert months(atlas) == [(MARCH, APRIL, 500), (APRIL, date(9999, 1, 1), 600)]
    set_budget(atlas, amount=None, from_month=JUNE, by=fay, at=NOON)
    assert months(atlas)[-1] == (APRIL, JUNE, 600)
    assert budget_of(atlas, at=utc("2026-07-01 00:00")) is None
    row = next(row for row in budget_list(at=NOON).rows if row.slug == "atlas")
    assert row.later == "$600 from April 2026, then none from June 2026"
    assert AuditRow.objects.filter(verb="team.budget_set", actor_id=fay.pk).count() == 4


def test_a_month_begins_in_the_finance_time_zone(settings: Any) -> None:
    late = utc("2026-03-31 22:30")
    assert month_of(late) == MARCH
    settings.HEADROOM_FINANCE_TIME_ZONE = "Europe/Amsterdam"
    assert month_of(late) == APRIL
    settings.HEADROOM_FINANCE_TIME_ZONE = "America/New_York"
    assert month_of(utc("2026-04-01 03:59")) == MARCH


def test_the_months_go_on_after_december() -> None:
    assert next_months(date(2026, 11, 1), 3) == [
        date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "month", "says"),
    [
        (Decimal(1), date(2026, 2, 1), "Choose a month from March 2026 on"),
        (Decimal(1), date(2027, 4, 1), "at most 12 ahead"),
        (Decimal(1), date(2026, 3, 2), "Choose a month"),
        (Decimal(-1), MARCH, "an amount of money"),
        (Decimal("1.005"), MARCH, "an amount of money"),
        (Decimal("NaN"), MARCH, "an amount of money"),
        (Decimal(10**12), MARCH, "an amount of money"),
    ],
)
def test_what_is_no_budget_is_refused(
    atlas: Team, fay: User, amount: Decimal, month: date, says: str
) -> None:
    with pytest.raises(DomainError, match=says):
        set_budget(atlas, amount=amount, from_month=month, by=fay, at=NOON)
    assert not months(atlas)


def test_a_lead_does_not_set_the_own_budget(atlas: Team, ada: User) -> None:
    with pytest.raises(DomainError, match="Only finance and platform owners"):
        set_budget(atlas, amount=Decimal(1), from_month=MARCH, by=ada, at=NOON)


def test_the_database_keeps_months_apart_and_whole(atlas: Team) -> None:
    TeamBudget.objects.create(team=atlas, amount=1, from_month=MARCH, until_month=JUNE)
    for start, end in ((APRIL, date(2026, 9, 1)), (date(2026, 7, 2), date(2026, 9, 1))):
        with pytest.raises(IntegrityError), transaction.atomic():
            TeamBudget.objects.create(team=atlas, amount=1, from_month=start, until_month=end)


@pytest.mark.parametrize(
    ("budget", "spent", "expected"),
    [
        (Decimal(500), Decimal("120.505"), (True, "379.50")),
        (Decimal(100), Decimal(150), (True, "-50.00")),
        (Decimal(500), None, (True, None)),
        (None, Decimal(120), (False, None)),
    ],
)
def test_a_request_keeps_what_was_left_when_it_was_sent(
    chat: Service, atlas: Team, ada: User, fay: User, usage: FakeEvidence,
    budget: Decimal | None, spent: Decimal | None, expected: tuple[bool, str | None],
) -> None:  # fmt: skip
    if budget is not None:
        set_budget(atlas, amount=budget, from_month=MARCH, by=fay, at=NOON)
    usage.answer = replace(NO_USAGE, team_month_to_date_usd=spent)
    facts = ask(chat, ada).evidence.get().facts["policy_facts"]
    assert (facts["has_budget"], facts["team_budget_left"]) == expected


def test_a_request_keeps_every_fact_that_a_policy_may_ask(chat: Service, ada: User) -> None:
    facts = ask(chat, ada).evidence.get().facts["policy_facts"]
    assert (facts["kind"], facts["tier"], facts["environment"]) == ("burst", 2, "production")
    assert facts["room_units"] == 1000
    assert facts["lead_hours"] == "22.00"  # tomorrow at 10, asked at noon
    assert facts["use_is_known"] is True


def test_finance_sets_it_on_the_page(browse: Browse, atlas: Team, fay: User, dan: User) -> None:
    client = browse(fay)
    assert "no budget" in words_of(client.get("/budgets/"))
    wrong = client.post("/budgets/atlas/", {"amount": "much", "from_month": "2026-03-01"})
    assert wrong.status_code == 422
    assert "such as 5000" in words_of(wrong)
    answer = client.post("/budgets/atlas/", {"amount": "5,000.50", "from_month": "2026-03-01"})
    assert answer.url == "/budgets/"
    assert "5,000.50" in words_of(client.get("/budgets/"))
    assert browse(dan).get("/budgets/").status_code == 404
    assert browse(dan).get("/budgets/atlas/").status_code == 404


def test_many_teams_come_in_pages_that_can_be_searched(browse: Browse, fay: User) -> None:
    Team.objects.bulk_create(Team(name=f"Unit {n:02}", slug=f"unit-{n:02}") for n in range(30))
    client = browse(fay)
    first, last = (words_of(client.get(f"/budgets/?page={page}")) for page in (1, 2))
    assert "Unit 29" not in first
    assert "Unit 29" in last
    found = words_of(client.get("/budgets/?q=unit+29"))
    assert "Unit 29" in found
    assert "Unit 28" not in found
    assert "1 team" in found


def test_budgets_by_the_api(browse: Browse, atlas: Team, fay: User, dan: User) -> None:
    address, body = "/api/v1/budgets/atlas/", {"amount": "700.00", "from_month": "2026-04"}
    answer = browse(fay).post(address, body, content_type="application/json")
    assert answer.json()["budgets"] == [
        {"amount": "700.00", "from_month": "2026-04", "until_month": None}
    ]
    past = {**body, "from_month": "2025-01"}
    assert browse(fay).post(address, past, content_type="application/json").status_code == 422
    assert browse(fay).get("/api/v1/budgets/").json()["results"][0]["team"] == "atlas"
    assert browse(dan).get(address).status_code == 404
