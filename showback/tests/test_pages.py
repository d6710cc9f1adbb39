"""The showback pages: what they say, that they add up, and who sees them."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from portal.kernel.money import to_cents
from portal.kernel.windows import MINUTE, Window
from portal.models import Role
from quotas.models import Deployment
from showback.models import CostLine, MonthToDate, TouchedHour
from showback.selectors.cents import Days, account_cents, account_cents_in
from showback.selectors.month import organisation_month, team_month
from showback.selectors.scope import account_scope, member_scope, month_scope
from showback.selectors.service_day import service_day
from showback.selectors.service_month import service_month
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import utc
from showback.tests.fakes import random_traffic

AT = utc("2026-03-03 06:00")
MONTH, TEAM = "/showback/2026-03/", "/showback/2026-03/atlas/"
SERVICE, DAY = f"{TEAM}assistant/", f"{TEAM}assistant/2/"
PLATFORM = ("/showback/2026-03/~unallocated/", "/showback/2026-03/~unattributed/")
PAGES = (TEAM, SERVICE, DAY)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("showback.views.now", lambda: AT)


@pytest.fixture
def spent(world):
    world.metrics.traffic = random_traffic(11)
    spend()
    return world


def spend() -> None:
    pull_window(Window(utc("2026-02-28 20:00"), AT), MINUTE, at=AT)
    fill_everything(at=AT)


def get(user, url):
    client = Client()
    client.force_login(user)
    return client.get(url)


def text_of(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def rows_of(answer) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_the_address_without_a_month_leads_to_the_running_one(world):
    assert get(world.fay, "/showback/").headers["Location"] == MONTH


def test_finance_sees_every_team_and_the_platforms_own_lines(spent):
    page = text_of(get(spent.fay, MONTH))
    for name in ("Atlas", "Delta", "Unallocated provisioned capacity", "Unattributed traffic"):
        assert name in page
    assert "March 2026 so far costs" in page
    assert "1–3 February" in page


@pytest.mark.parametrize("role", [Role.PLATFORM_OWNER, Role.FINANCE, Role.AUDITOR])
def test_organisation_wide_roles_read_everything(spent, role):
    person = make.person("Cleo", role)
    for url in (MONTH, *PAGES, *PLATFORM):
        assert get(person, url).status_code == 200


def test_ada_sees_her_own_team_only(spent):
    page = text_of(get(spent.ada, MONTH))
    assert "Atlas" in page
    for name in ("Delta", "Unallocated", "Unattributed"):
        assert name not in page
    for url in PAGES:
        assert get(spent.ada, url).status_code == 200


def test_dan_of_another_team_sees_nothing(spent):
    for url in (*PAGES, *(f"{page}?format=csv" for page in PAGES), *PLATFORM):
        assert (url, get(spent.dan, url).status_code) == (url, 404)


def test_dans_month_and_its_csv_hold_nothing_of_atlas(spent):
    for url in (MONTH, f"{MONTH}?format=csv"):
        page = get(spent.dan, url).content.decode()
        assert "Delta" in page
        assert "Atlas" not in page
        assert "Unattributed" not in page


def test_nobody_sees_anything_without_signing_in(spent):
    for url in (MONTH, *PAGES, *PLATFORM):
        assert Client().get(url).status_code == 302


def test_a_person_sees_the_same_cents_as_finance(spent):
    def atlas(user):
        return next(row for row in rows_of(get(user, f"{MONTH}?format=csv")) if row[0] == "Atlas")

    assert atlas(spent.ada)[1] == atlas(spent.fay)[1]


def test_what_does_not_exist_is_not_found(spent):
    for url in (
        "/showback/2026-13/",
        "/showback/nonsense/",
        "/showback/2026-04/",
        "/showback/2026-03/nobody/",
        f"{TEAM}nothing/",
        f"{TEAM}digest/",
        f"{SERVICE}0/",
        f"{SERVICE}32/",
        f"{SERVICE}4/",
        "/showback/2026-03/~unattributed/x/",
        "/showback/2026-03/~unattributed/999999/",
    ):
        assert (url, get(spent.fay, url).status_code) == (url, 404)


def test_an_empty_month_teaches(world):
    page = text_of(get(world.fay, "/showback/2026-02/"))
    assert "Nothing was used or held in this month" in page
    assert "table" not in page.partition("<main")[2].partition("</main>")[0].replace(
        "data-table", ""
    )


def test_months_lead_to_their_neighbours_with_lines(spent):
    assert 'href="/showback/2026-02/"' in text_of(get(spent.fay, MONTH))
    february = text_of(get(spent.fay, "/showback/2026-02/"))
    assert f'href="{MONTH}"' in february
    assert 'href="/showback/2026-01/"' not in february


def test_what_has_no_price_is_named_and_not_counted(spent):
    Deployment.objects.filter(pk=spent.chat.pk).update(model_name="gpt-99")
    for model in (CostLine, MonthToDate):
        model.objects.all().delete()
    TouchedHour.objects.create(hour=utc("2026-03-02 05:00"))
    fill_everything(at=AT)
    for url in (MONTH, TEAM, SERVICE):
        page = text_of(get(spent.ada, url))
        assert "Without a price" in page
        assert "gpt-99 GlobalStandard" in page
    assert "unpriced" in text_of(get(spent.ada, DAY))
    assert "Without a price" not in text_of(get(spent.dan, MONTH))


def test_a_team_of_which_nothing_has_a_price_costs_no_amount(spent):
    Deployment.objects.filter(pk=spent.digest_deployment.pk).update(model_name="gpt-99")
    for hour in (utc("2026-03-01 05:00"), utc("2026-03-02 05:00")):
        TouchedHour.objects.create(hour=hour)
    fill_everything(at=AT)
    row = next(row for row in rows_of(get(spent.dan, f"{MONTH}?format=csv")) if row[0] == "Delta")
    assert row[1] == "unpriced"


def test_a_day_explains_each_of_its_lines(spent):
    page = text_of(get(spent.ada, DAY))
    for words in (
        "Why?",
        "Price row",
        "Azure Retail Prices API",
        "$2.50 a million tokens",
        "$1.00 a PTU-hour",
        "Held by one service in that hour",
        "estimate",
    ):
        assert words in page


def test_gaps_are_marked_on_every_level(world):
    pull_window(Window(utc("2026-03-02 00:00"), utc("2026-03-02 18:00")), MINUTE, at=AT)
    fill_everything(at=AT)
    missing = "25\u202f% of the minutes missing"
    for url in (MONTH, TEAM, SERVICE, DAY):
        page = text_of(get(world.fay, url))
        assert (missing if url == DAY else "of the minutes missing") in page
        assert "≥\u202f$" in page
    for url in (MONTH, TEAM, SERVICE, DAY):
        header, *rows = rows_of(get(world.fay, f"{url}?format=csv"))
        place = header.index("Minutes missing")
        assert header[place + 1] == "Minutes due"
        assert int(rows[-1][place]) > 0


def test_the_comparison_is_with_the_same_days_of_the_month_before(spent):
    page = organisation_month(spent.fay, month_scope("2026-03", at=AT), at=AT)
    before = CostLine.objects.filter(day__lte="2026-02-03")
    assert not before.exists()
    assert page.total.before == 0
    whole = month_scope("2026-02", at=AT)
    assert str(whole.days_before.last) == "2026-01-31"


def test_a_month_and_its_first_days_are_read_together_and_told_apart(spent):
    first = Days(date(2026, 3, 1), date(2026, 3, 1))
    whole = Days(date(2026, 3, 1), date(2026, 3, 31))
    found = account_cents_in(first, whole)
    assert found == [account_cents(first), account_cents(whole)]
    for days, cents in zip((first, whole), found, strict=True):
        lines = CostLine.objects.filter(days.condition).aggregate(exact=Sum("amount"))
        assert sum(cents.values()) == to_cents(lines["exact"])
    with pytest.raises(ValueError, match="sums to date are of months"):
        account_cents(Days(date(2026, 3, 2), date(2026, 3, 3)))


def test_a_csv_runs_no_formula(spent):
    spent.atlas.name = "=cmd|' /C calc'!A0"
    spent.atlas.save()
    assert rows_of(get(spent.ada, f"{MONTH}?format=csv"))[1][0].startswith("'=")


def test_a_page_asks_the_database_a_fixed_number_of_times(spent, django_assert_max_num_queries):
    for number in range(5):
        extra = make.service(f"Extra {number}", spent.atlas)
        make.hold(make.deployment(f"extra-{number}", extra), extra, 10)
    fill_everything(at=AT)
    client = Client()
    client.force_login(spent.fay)
    for url, most in ((MONTH, 22), (TEAM, 24), (SERVICE, 18), (DAY, 16), (PLATFORM[1], 24)):
        client.get(url)
        with django_assert_max_num_queries(most):
            client.get(url)


def charted(chart):
    """What the chart's own table sums to; its first column is the day, its last the whole day."""
    return sum(Decimal(str(row[-1]).lstrip("$").replace(",", "")) for row in chart.rows)


@examples(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000))
def test_i24_drill_down_totals_equal_list_totals(world, seed):
    """Month, team, service, day and line: each list sums to the row it was opened from."""
    world.metrics.traffic = random_traffic(seed)
    spend()
    month = month_scope("2026-03", at=AT)
    whole = organisation_month(world.fay, month, at=AT)
    assert whole.total.amount == sum(row.amount for row in whole.rows)
    assert len(whole.rows) == 4
    for account_row in whole.rows:
        account = account_scope(world.fay, month, account_row.url.split("/")[-2])
        listed = team_month(account, at=AT)
        assert listed.total.amount == account_row.amount
        assert listed.total.costs == account_row.costs
        assert charted(listed.chart) == account_row.amount
        for member_row in listed.rows:
            member = member_scope(account, member_row.url.split("/")[-2])
            days = service_month(member)
            assert days.amount == member_row.amount
            assert charted(days.chart) == member_row.amount
            assert sum(Decimal(cell.value) for cell in days.totals) == days.amount
            for day in days.rows:
                cells = sum(Decimal(cell.value or 0) for cell in day.cells)
                assert cells == day.amount
                lines = service_day(member, day.day)
                assert lines.amount == day.amount
                assert sum(row.cents for row in lines.rows) == day.amount
