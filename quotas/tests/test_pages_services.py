"""Services, unmapped deployments, and what home and the service page ask of quotas."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.kernel.windows import DAY, Window
from portal.models import User
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service, Team
from quotas.selectors.alike import Alike, Named, Signs
from quotas.selectors.home import waiting_for
from quotas.selectors.service_capacity import service_capacity
from quotas.selectors.service_page import (
    ServicePage,
    newest_and_live,
    service_page,
    services_with_people,
)
from quotas.tests import factories
from quotas.tests.conftest import Browse, ask, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

WORDS = "sales audit legal voice risk fraud search letters minutes answers".split()
START = utc("2026-03-03 10:00")


def test_a_list_that_comes_in_pages_gives_all_of_its_rows_at_once(
    browse: Browse, chat: Service, atlas: Team, ada: User
) -> None:
    for number in range(25):
        factories.service(f"Other {number:02}", atlas, ada)
    page = browse(ada).get(reverse("services"))
    assert 'data-csv-all="?page=all"' in page.content.decode()
    assert len(page.context["rows"]) == 25
    assert len(browse(ada).get(reverse("services") + "?page=all").context["rows"]) == 26


def test_ada_sees_her_services_with_what_they_hold_now(
    browse: Browse, granted: CapacityRequest, search: Service, ada: User, noon
):
    [row] = browse(ada).get(reverse("services")).context["rows"]
    assert (row.name, row.team, row.baseline, row.burst) == (
        "Chat assistant", "Atlas", "100k TPM", "",
    )  # fmt: skip
    noon.move_to(START)
    [row] = browse(ada).get(reverse("services")).context["rows"]
    assert (row.burst, row.burst_tokens_per_minute, row.may_request) == ("60k TPM", 60_000, True)


def test_ben_sees_them_without_the_button_and_dan_sees_only_his(
    browse: Browse, chat: Service, search: Service, ben: User, dan: User, cleo: User
):
    [row] = browse(ben).get(reverse("services")).context["rows"]
    assert (row.name, row.may_request) == ("Chat assistant", False)
    assert [row.name for row in browse(dan).get(reverse("services")).context["rows"]] == ["Search"]
    assert len(browse(cleo).get(reverse("services")).context["rows"]) == 2


def test_the_list_takes_as_many_queries_for_thirty_services(
    browse: Browse,
    chat: Service,
    atlas: Team,
    ada: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    hers = browse(ada)
    for number in range(30):
        factories.service(f"Service {number}", atlas, ada)
    with django_assert_max_num_queries(12):
        assert hers.get(reverse("services")).context["count"] == 31


@pytest.fixture
def unmapped_search(pool: Pool, delta: Team, dan: User) -> Service:
    """Dan's service Search, whose deployment nobody has mapped yet."""
    return factories.service("Search", delta, dan)


def test_cleo_maps_a_deployment_to_the_suggested_service_by_one_click(
    browse: Browse, unmapped_search: Service, chat: Service, cleo: User
):
    hers = browse(cleo)
    [row] = hers.get(reverse("unmapped")).context["found"].rows
    assert (row.name, row.suggested, row.suggested_name) == ("search", unmapped_search.pk, "Search")
    answer = hers.post(
        reverse("map_deployment", args=[row.id]), {"service": str(row.suggested)}, follow=True
    )
    assert "belongs to Search since it was first seen" in answer.content.decode()
    assert Deployment.objects.get(name="search").service == unmapped_search
    assert LedgerEntry.objects.in_force_at(NOON).filter(service=unmapped_search).count() == 1
    assert "Every deployment belongs to a service." in answer.content.decode()


def test_mapping_twice_says_to_whom_it_belongs(browse: Browse, chat: Service, cleo: User):
    mapped = chat.deployments.get()
    answer = browse(cleo).post(reverse("map_deployment", args=[mapped.pk]), {"service": chat.pk})
    assert answer.status_code == 422
    assert "already belongs to Chat assistant" in answer.content.decode()


@pytest.mark.parametrize("service", ["", "999999", "x"])
def test_mapping_to_no_service_is_a_sentence(browse: Browse, pool, cleo: User, service: str):
    search = Deployment.objects.get(name="search")
    answer = browse(cleo).post(reverse("map_deployment", args=[search.pk]), {"service": service})
    assert (answer.status_code, "Choose the service" in answer.content.decode()) == (422, True)


def test_unmapped_deployments_are_for_the_organisation_and_its_platform_owners(
    browse: Browse, chat: Service, unmapped_search, ada: User, dan: User, fay: User
):
    search = Deployment.objects.get(name="search")
    posted = {"service": str(chat.pk)}
    for user in (ada, dan):
        assert browse(user).get(reverse("unmapped")).context["found"].rows == []
        answer = browse(user).post(reverse("map_deployment", args=[search.pk]), posted)
        assert answer.status_code == 404
    assert not browse(fay).get(reverse("unmapped")).context["found"].rows[0].may_map
    answer = browse(fay).post(reverse("map_deployment", args=[search.pk]), posted)
    assert (answer.status_code, "Only an owner" in answer.content.decode()) == (422, True)
    search.refresh_from_db()
    assert search.service is None


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [("claims-triage-prod", "Claims triage"), ("triage-claims", "Claims triage"),
     ("gpt-4o", None), ("contact-center", "Contact centre"), ("zzz", None)],
)  # fmt: skip
def test_a_service_is_suggested_only_when_names_are_alike(deployment: str, expected: str | None):
    names = ("Claims triage", "Contact centre", "Translation")
    found = Alike(named(*names)).best(Signs(deployment, "acme"))
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("tags", "expected", "tag"),
    [
        ({"App-Name": "Contact Centre"}, "Contact centre", "App-Name = Contact Centre"),
        ({"workload": "claims-triage", "env": "x"}, "Claims triage", "workload = claims-triage"),
        ({"env": "Contact centre"}, None, ""),  # says where it runs, not whose it is
        ({"team": "Atlas"}, None, ""),  # has two of them
        ({"team": "Borea"}, "Translation", "team = Borea"),
        ({}, None, ""),
    ],
)  # fmt: skip
def test_a_tag_in_azure_suggests_a_service_where_the_name_says_nothing(tags, expected, tag):
    services = [
        *named("Claims triage", "Contact centre"),
        Named(9, "translation", "Translation", "Borea"),
    ]
    signs = Signs("gpt-4o", "acme", tags)
    found = Alike(services).best(signs)
    assert (found.name if found else None) == expected
    assert (signs.reason(found) if found else "") == (f"its tag {tag}" if tag else "")


def test_the_page_says_which_tag_suggests_the_service(browse, synced, chat, cleo):
    tags = {"app": "chat assistant"}
    Deployment.objects.filter(name="search").update(tags=tags)
    page = browse(cleo).get(reverse("unmapped")).content.decode()
    assert "suggested by its tag app = chat assistant" in page


def test_among_a_thousand_services_the_likeliest_are_offered():
    others = [f"{first} {last}" for first in WORDS for last in WORDS]
    found = Alike(named("Claims triage", *others)).most(Signs("prod-triage-claims", "acme-eus"))
    assert found[0].name == "Claims triage"
    assert 1 < len(found) <= 8


def named(*names: str) -> list[Named]:
    return [
        Named(number, name.lower().replace(" ", "-"), name, "Atlas")
        for number, name in enumerate(names)
    ]


def test_a_long_list_of_unmapped_comes_by_pages_and_offers_all_services_on_demand(
    browse: Browse, synced: FakeAzure, atlas: Team, ada: User, cleo: User
):
    for number in range(50):
        factories.service(f"Service {number}", atlas, ada)
    synced.add(*(deployment_seen(f"trial-{number:02}", 1) for number in range(12)))
    sync(synced)
    hers = browse(cleo)
    count = Deployment.objects.unmapped().count()
    found = hers.get(reverse("unmapped")).context["found"]
    assert (len(found.rows), found.count, found.place.text) == (10, count, f"1–10 of {count}")
    assert all(len(row.services) <= 8 for row in found.rows)
    second = hers.get(reverse("unmapped") + found.place.next_url).context["found"]
    assert len(second.rows) == count - 10
    chosen = second.rows[0]
    found = hers.get(f"{reverse('unmapped')}?all={chosen.id}&q={chosen.name}").context["found"]
    [row] = found.rows
    assert (row.id, row.offers_all, len(row.services)) == (chosen.id, True, 50)
    assert found.count == count


def test_a_long_list_of_services_comes_by_pages_and_is_searched(
    browse: Browse, chat: Service, atlas: Team, ada: User
):
    for number in range(30):
        factories.service(f"Service {number}", atlas, ada)
    hers = browse(ada)
    page = hers.get(reverse("services"))
    assert (len(page.context["rows"]), page.context["count"]) == (25, 31)
    assert page.context["total"] == "100k TPM"
    second = hers.get(reverse("services") + page.context["place"].next_url)
    assert len(second.context["rows"]) == 6
    found = hers.get(reverse("services") + "?q=atlas+chat").context
    assert [row.name for row in found["rows"]] == ["Chat assistant"]
    assert found["count"] == 31
    nothing = hers.get(reverse("services") + "?q=zzz&page=9")
    assert (nothing.context["rows"], nothing.context["place"].text) == ([], "0")


def page_of(service: Service, user: User, *, at: datetime) -> ServicePage:
    found = services_with_people(user).get(pk=service.pk)
    asked = newest_and_live(found, user, at=at)
    capacity = service_capacity(found.pk, Window(at - DAY, at), at=at, requests=asked)
    return service_page(found, user, capacity, asked, at=at)


def test_the_service_page_is_told_what_is_held_running_and_coming(
    synced: FakeAzure, granted: CapacityRequest, applying: Pool, chat: Service, ada: User
):
    before = page_of(chat, ada, at=NOON)
    assert [row.id for row in before.upcoming] == [granted.pk]
    assert (before.running, before.holding.total, before.running_until) == ([], "100k TPM", None)
    reconcile_at(synced, START)
    during = page_of(chat, ada, at=START)
    assert [row.id for row in during.running] == [granted.pk]
    assert (during.holding.baseline, during.holding.burst) == ("100k TPM", "60k TPM")
    assert (during.held[0].in_azure, during.running_until) == ("160k TPM", granted.ends_at)
    assert [row.after for row in during.changes] == ["160k TPM"]
    assert ("Owner", "Ada") in during.owner_card
    assert during.may_request


def test_home_tells_what_waits_for_an_owner_of_pools(
    waiting: CapacityRequest, search: Service, ada: User, cleo: User
):
    hers, owners = (waiting_for(user, at=NOON) for user in (ada, cleo))
    assert (hers.most_urgent, hers.inbox_count) == ([], 0)
    assert ([row.id for row in owners.most_urgent], owners.inbox_count) == ([waiting.pk], 1)
    assert (owners.unmapped_count, owners.observing_pools) == (0, 1)
    assert (owners.stuck.total, owners.blocked) == (0, [])


def test_home_tells_which_bursts_are_on_and_which_end_soon(
    synced: FakeAzure, granted: CapacityRequest, applying: Pool, search, ada: User, dan: User
):
    before = waiting_for(ada, at=NOON).bursts
    assert ([row.id for row in before.rows], before.on) == ([granted.pk], 0)
    reconcile_at(synced, START)
    during = waiting_for(ada, at=START).bursts
    assert [row.id for row in during.rows] == [granted.pk]
    assert (during.total, during.on, during.ending_soon, during.left_out) == (1, 1, 1, 0)
    assert waiting_for(dan, at=START).bursts.total == 0


def test_home_counts_every_burst_and_lists_the_first_ten(
    chat: Service, applying: Pool, ada: User, cleo: User
):
    for number in range(12):
        start = NOON + timedelta(hours=1 + number)
        ask(chat, ada, units=1, starts_at=start, ends_at=start + timedelta(hours=1))
    found = waiting_for(cleo, at=NOON).bursts
    assert (found.total, len(found.rows), found.left_out) == (12, 10, 2)
    assert [row.starts_at for row in found.rows] == sorted(row.starts_at for row in found.rows)
