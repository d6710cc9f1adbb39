"""The capacity calendar: who holds a pool when, within which bounds, who reads whose name."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.models import User
from quotas.models import (
    CapacityRequest,
    Deployment,
    Freeze,
    LedgerEntry,
    Pool,
    PoolLimit,
    Service,
    Team,
)
from quotas.selectors.calendar_page import CalendarPage, calendar_page
from quotas.services import decisions, mapping
from quotas.services.give_back import give_back
from quotas.services.reserves import set_reserve
from quotas.tests import factories
from quotas.tests.conftest import Browse, ask, sync, words_of
from quotas.tests.factories import NOON, FakeAzure, utc


def page_of(browse: Browse, user: User, pool: Pool, **query: str) -> CalendarPage:
    answer = browse(user).get(reverse("pool_calendar", args=[pool.pk]), query)
    assert answer.status_code == 200
    found: CalendarPage = answer.context["page"]
    return found


def rows(page: CalendarPage) -> list[tuple[str, str, str]]:
    return [(row.name, row.what, row.most.split(" (")[0]) for row in page.rows]


def steps(page: CalendarPage) -> list[tuple[str, ...]]:
    return [tuple(str(x) for x in (s.held, s.reserve, s.limit, s.free)) for s in page.steps]


WEEK = {"range": "week", "from": "2026-03-02"}


def test_steady_needs_lie_below_bursts_each_with_its_page(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    page = page_of(browse, cleo, pool, **WEEK)
    assert rows(page) == [
        ("not mapped yet", "steady need", "at most 200 units"),
        ("Chat assistant", "steady need", "at most 100 units"),
        ("Chat assistant", f"burst #{granted.pk}", "at most 60 units"),
    ]
    assert [row.url for row in page.rows] == [
        "",
        "/services/chat-assistant/",
        f"/requests/{granted.pk}/",
    ]
    assert all(row.area.path for row in page.rows)


def test_each_step_tells_held_reserve_limit_and_free(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    set_reserve(pool, units=100, reason="For incidents.", by=cleo, at=NOON)
    found = steps(page_of(browse, cleo, pool, **WEEK))
    assert found == [
        ("0", "–", "–", "–"),
        ("300", "100", "1,000", "600"),
        ("360", "100", "1,000", "540"),
        ("300", "100", "1,000", "600"),
    ]


def test_past_limits_and_reserves_are_drawn_as_they_were(
    browse: Browse, pool: Pool, azure: FakeAzure, cleo: User
):
    set_reserve(pool, units=50, reason="For incidents.", by=cleo, at=utc("2026-03-03 12:00"))
    azure.limit_units = 800
    sync(azure, utc("2026-03-04 12:00"))
    found = steps(page_of(browse, cleo, pool, **WEEK))
    assert found[1:] == [
        ("300", "0", "1,000", "700"),
        ("300", "50", "1,000", "650"),
        ("300", "50", "800", "450"),
    ]
    assert steps(page_of(browse, cleo, pool, **{**WEEK, "from": "2026-03-09"})) == [
        ("300", "50", "800", "450")
    ]


def test_what_is_given_back_leaves_the_calendar_from_that_minute_on(
    browse: Browse, pool: Pool, granted: CapacityRequest, ada: User, cleo: User
):
    give_back(granted, by=ada, reason="", at=utc("2026-03-03 12:00"))
    held = [step[0] for step in steps(page_of(browse, cleo, pool, **WEEK))]
    assert held == ["0", "300", "360", "300"]
    later = {"range": "day", "from": "2026-03-04"}
    assert len(page_of(browse, cleo, pool, **later).rows) == 2


def test_what_is_outside_of_the_window_is_not_there(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    """Half-open: a burst that ends as the day begins is not in it."""
    day = {"range": "day", "from": "2026-03-04"}
    assert [row.look for row in page_of(browse, cleo, pool, **day).rows] == ["steady", "steady"]


def test_requests_in_review_are_outlined_and_say_whether_they_fit(
    browse: Browse, pool: Pool, waiting: CapacityRequest, chat: Service, ada: User, cleo: User
):
    too_much = ask(chat, ada, units=600)
    set_reserve(pool, units=200, reason="For incidents.", by=cleo, at=NOON)
    asked = [row for row in page_of(browse, cleo, pool, **WEEK).rows if row.look == "asked"]
    assert [row.url for row in asked] == [f"/requests/{r.pk}/" for r in (waiting, too_much)]
    assert [row.status is None for row in asked] == [True, False]
    decisions.deny(waiting, by=cleo, note="No.", at=NOON)
    asked = [row for row in page_of(browse, cleo, pool, **WEEK).rows if row.look == "asked"]
    assert [row.url for row in asked] == [f"/requests/{too_much.pk}/"]


def test_grants_at_risk_stand_out_with_what_is_missing(
    browse: Browse, pool: Pool, granted: CapacityRequest, azure: FakeAzure, cleo: User
):
    azure.limit_units = 340
    sync(azure, utc("2026-03-02 12:05"))
    page = page_of(browse, cleo, pool, **WEEK)
    burst = page.rows[-1]
    assert (burst.status.word if burst.status else "", burst.missing) == ("At risk", "20 units")
    assert page.free_is_short
    assert page.free == "20 units (20k TPM and 120 RPM)"
    assert page.picture.over
    assert [s.is_over for s in page.steps] == [False, False, False, True, False]


def test_ada_sees_her_own_and_no_other_teams_names(
    browse: Browse,
    pool: Pool,
    granted: CapacityRequest,
    search: Service,
    ada: User,
    dan: User,
    cleo: User,
):
    Service.objects.filter(pk=search.pk).update(name="Quiet project")
    secret = ask(search, dan, units=150, purpose="A merger.")
    decisions.approve(secret, by=cleo, note="", at=NOON)
    ask(search, dan, units=120)
    answer = browse(ada).get(reverse("pool_calendar", args=[pool.pk]), WEEK)
    assert rows(answer.context["page"]) == [
        ("Chat assistant", "steady need", "at most 100 units"),
        ("another team", "steady need", "at most 200 units"),
        ("Chat assistant", f"burst #{granted.pk}", "at most 60 units"),
        ("another team", "burst", "at most 150 units"),
    ]
    shown = words_of(answer)
    for hidden in ("Quiet project", "A merger", f"#{secret.pk}", "acme/search"):
        assert hidden not in shown


def test_dan_without_a_service_here_sees_nothing(
    browse: Browse, pool: Pool, chat: Service, delta: Team, dan: User
):
    assert browse(dan).get(reverse("pool_calendar", args=[pool.pk])).status_code == 404


def test_a_pool_without_a_known_limit_says_so(browse: Browse, pool: Pool, cleo: User):
    PoolLimit.objects.all().delete()
    answer = browse(cleo).get(reverse("pool_calendar", args=[pool.pk]), WEEK)
    assert "what is free is not known" in words_of(answer)
    assert answer.context["page"].picture.limit == ""


def test_an_empty_stretch_teaches_what_will_stand_there(browse: Browse, pool: Pool, cleo: User):
    answer = browse(cleo).get(reverse("pool_calendar", args=[pool.pk]), {"from": "2025-01-01"})
    assert "Nobody holds anything in this time" in words_of(answer)


def many_services(pool: Pool, atlas: Team, ada: User, *, count: int) -> None:
    """Each holds units of its own for ever, and has one burst in the week."""
    deployment = pool.deployments.get(name="chat")
    entries = []
    for number in range(count):
        service = factories.service(f"Service {number}", atlas, ada)
        common: dict[str, Any] = {
            "pool": pool, "deployment": deployment, "service": service, "recorded_at": NOON,
        }  # fmt: skip
        start = NOON + timedelta(minutes=37 * number)
        entries += [
            LedgerEntry(units=1 + number % 7, effective_from=NOON, kind="baseline",
                        effective_until=utc("9999-01-01 00:00"), **common),
            LedgerEntry(units=2, effective_from=start, kind="burst",
                        effective_until=start + timedelta(hours=3), **common),
        ]  # fmt: skip
    LedgerEntry.objects.bulk_create(entries)


def test_a_hundred_services_stay_readable_and_add_up(
    pool: Pool,
    atlas: Team,
    ada: User,
    cleo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    many_services(pool, atlas, ada, count=150)
    with django_assert_max_num_queries(10):  # her roles among them; session and pool: 12
        page = calendar_page(pool, cleo, WEEK, at=NOON)
    assert len(page.rows) == 10 + 16
    assert [row.name for row in page.rows if "other" in row.name] == [
        "142 other services",
        "135 other bursts",
    ]
    assert len(page.picture.areas[0].path) < 20_000


@pytest.mark.parametrize(
    ("query", "title", "hours"),
    [
        ({"range": "day", "from": "2026-03-29"}, "Sun 29 Mar 2026", 23),
        ({"range": "week", "from": "2026-03-04"}, "2 – 8 Mar 2026", 168),
        ({"range": "week", "from": "2026-10-25"}, "19 – 25 Oct 2026", 169),
        ({"range": "month", "from": "2026-12-31"}, "December 2026", 744),
        ({"range": "quarter", "from": "2026-02-10"}, "January – March 2026", 2159),
        ({"range": "year", "from": "someday"}, "2 – 8 Mar 2026", 168),
        ({"from": "9999-12-31"}, "30 Dec – 5 Jan 2200", 168),
        ({"from": "0001-01-01"}, "29 Dec – 4 Jan 2015", 168),
    ],
)
def test_i14_ranges_are_days_of_the_persons_zone_across_clock_changes(
    browse: Browse, pool: Pool, cleo: User, query: dict[str, str], title: str, hours: int
):
    cleo.time_zone = "Europe/Berlin"
    cleo.save()
    shown = page_of(browse, cleo, pool, **query).shown
    assert (shown.title, shown.window.hours) == (title, hours)
    assert shown.next.first >= shown.after or shown.after.year == 2200
    assert shown.next.previous.window == shown.window or shown.after.year == 2200


def test_pool_and_burst_form_lead_to_the_calendar(
    browse: Browse, pool: Pool, chat: Service, ada: User
):
    link = reverse("pool_calendar", args=[pool.pk])
    for address in (reverse("pool", args=[pool.pk]), reverse("request_burst", args=[chat.slug])):
        assert link in browse(ada).get(address).content.decode()


def test_freezes_are_drawn_and_named(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    start, end = utc("2026-03-05 00:00"), utc("2026-03-06 00:00")
    freeze = {"effective_until": end, "recorded_at": NOON, "recorded_by": cleo}
    Freeze.objects.create(effective_from=start, reason="Year-end close.", **freeze)
    answer = browse(cleo).get(reverse("pool_calendar", args=[pool.pk]), WEEK)
    assert answer.context["page"].picture.freezes == [("42.9%", "14.3%")]
    assert "all pools: Year-end close." in words_of(answer)
    other = {**WEEK, "from": "2026-03-09"}
    assert page_of(browse, cleo, pool, **other).freezes == []


def file_of(browse: Browse, user: User, pool: Pool) -> str:
    answer = browse(user).get(reverse("pool_calendar_file", args=[pool.pk]), WEEK)
    assert answer["Content-Type"].startswith("text/calendar")
    lines = answer.content.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    return answer.content.decode().replace("\r\n ", "")


def test_bursts_are_a_calendar_file_for_other_programs(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    Service.objects.filter(pk=granted.service_id).update(name="Zürich; chat, résumés & naïveté")
    text = file_of(browse, cleo, pool)
    assert text.count("BEGIN:VEVENT") == 1
    for line in (
        f"UID:headroom-burst-{granted.pk}-pool-{pool.pk}",
        "DTSTART:20260303T100000Z",
        "DTEND:20260303T180000Z",
        "SUMMARY:Zürich\\; chat\\, résumés & naïveté: 60 units (60k TPM and 360 RPM) more",
        f"URL:http://testserver/requests/{granted.pk}/",
    ):
        assert line in text.split("\r\n")


def test_the_file_tells_dan_nothing_of_another_team(
    browse: Browse, pool: Pool, granted: CapacityRequest, search: Service, dan: User
):
    text = file_of(browse, dan, pool)
    assert "VEVENT" not in text
    assert "Chat" not in text


def test_the_least_that_is_free_is_named_where_it_is_and_never_beyond_the_edge(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    """Tuesday 10:00 of the week; of the two days before Wednesday it is near the right edge."""
    early = page_of(browse, cleo, pool, **WEEK).picture.free_names[0]
    assert (early.text, early.x, early.at_end) == ("640", "20.2%", False)
    LedgerEntry.objects.create(
        pool=pool, deployment=granted.deployment, service=granted.service, units=500, kind="burst",
        effective_from=utc("2026-03-08 12:00"), effective_until=utc("2026-03-12 12:00"),
        recorded_at=NOON,
    )  # fmt: skip
    late = page_of(browse, cleo, pool, **WEEK).picture.free_names[0]
    assert (late.text, late.x, late.at_end) == ("200", "100%", True)


def test_the_calendar_of_a_provisioned_pool_counts_in_ptus(
    browse: Browse, azure: FakeAzure, atlas: Team, ada: User, cleo: User
):
    azure.deployments.clear()
    azure.usage_name, azure.limit_units = "OpenAI.ProvisionedManaged", 300
    facts = {"tokens_per_minute": None, "requests_per_minute": None}
    azure.add(factories.deployment_seen("ptu", 100, sku_name="ProvisionedManaged", **facts))
    sync(azure)
    found = factories.service("Claims letters", atlas, ada)
    deployment = Deployment.objects.get(name="ptu")
    mapping.map_deployment(deployment, service=found, by=cleo, at=NOON)
    ask(found, ada, units=50, accepts_provisioned_release=True)
    page = page_of(browse, cleo, Pool.objects.get(), **WEEK)
    assert page.unit == "PTU"
    assert [row.most for row in page.rows] == ["at most 100 PTUs", "asks for 50 PTUs"]
    assert page.picture.free_names[0].text == "200"
