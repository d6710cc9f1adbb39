"""A limit that Azure lowers: history, alarm, and which grants no longer hold, for whom to see."""

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.at_risk import Risk
from quotas.models import CapacityRequest, Pool, PoolLimit, Service
from quotas.selectors.at_risk import risks_of
from quotas.services import decisions
from quotas.services.give_back import give_back
from quotas.tests.conftest import Browse, ask, sync, words_of
from quotas.tests.factories import FakeAzure, utc

MORNING = Window(utc("2026-03-03 10:00"), utc("2026-03-03 18:00"))
LATER = utc("2026-03-02 12:05")


def granted_last(service: Service, by: User, yes: User, units: int) -> CapacityRequest:
    asked = ask(service, by, units=units)
    if asked.state == "approved":
        return asked
    return decisions.approve(asked, by=yes, note="", at=LATER)


@pytest.fixture
def two(
    granted: CapacityRequest, search: Service, dan: User, cleo: User
) -> tuple[CapacityRequest, CapacityRequest]:
    """Ada's 60 units were approved first, Dan's 150 after; 300 are steady. 1,000 in all."""
    return granted, granted_last(search, dan, cleo, 150)


def lower(azure: FakeAzure, units: int) -> None:
    azure.limit_units = units
    sync(azure, LATER)


def risk(pool: Pool) -> dict[int, Risk]:
    found = risks_of([pool.pk], at=LATER)
    return found[pool.pk].requests if found else {}


def test_while_all_fits_nothing_is_at_risk(two: object, pool: Pool, azure: FakeAzure) -> None:
    lower(azure, 510)
    assert risk(pool) == {}


def test_i01_the_latest_approved_is_at_risk_first(
    two: tuple[CapacityRequest, CapacityRequest], pool: Pool, azure: FakeAzure
) -> None:
    first, last = two
    lower(azure, 500)
    assert risk(pool) == {last.pk: Risk(10, MORNING)}
    lower(azure, 340)
    assert risk(pool) == {last.pk: Risk(150, MORNING), first.pk: Risk(20, MORNING)}


def test_the_flag_goes_when_the_limit_comes_back(two: object, pool: Pool, azure: FakeAzure) -> None:
    lower(azure, 400)
    assert risk(pool)
    lower(azure, 600)
    assert risk(pool) == {}
    assert [row.limit_units for row in pool.limits.all()] == [600, 400, 1000]


def test_quota_that_others_take_outside_puts_grants_at_risk_too(
    two: tuple[CapacityRequest, CapacityRequest], pool: Pool
) -> None:
    PoolLimit.objects.create(
        pool=pool, observed_at=LATER, limit_units=1000, azure_used_units=800, outside_units=500
    )
    assert risk(pool) == {two[1].pk: Risk(10, MORNING)}


def test_the_reserve_protects_what_is_granted(
    two: object, pool: Pool, azure: FakeAzure, browse: Browse, cleo: User
) -> None:
    Pool.objects.update(reserve_units=100)
    lower(azure, 550)
    assert risk(pool) == {}
    shown = words_of(browse(cleo).get(reverse("pool", args=[pool.pk])))
    assert "Part of the reserve is promised." in shown


def test_what_is_given_back_saves_the_rest(
    two: tuple[CapacityRequest, CapacityRequest], pool: Pool, azure: FakeAzure, ada: User
) -> None:
    lower(azure, 480)
    give_back(two[0], by=ada, reason="", at=LATER)
    assert risk(pool) == {}


def test_a_burst_that_is_over_is_never_at_risk(two: object, pool: Pool, azure: FakeAzure) -> None:
    lower(azure, 400)
    assert risks_of([pool.pk], at=MORNING.end) == {}


def test_a_grant_says_so_wherever_it_is_shown(
    two: tuple[CapacityRequest, CapacityRequest],
    azure: FakeAzure,
    browse: Browse,
    dan: User,
    cleo: User,
    ada: User,
) -> None:
    last = two[1]
    lower(azure, 500)
    his = browse(dan)
    shown = words_of(his.get(reverse("request", args=[last.pk])))
    assert "At risk." in shown
    assert "10k TPM of it do not fit, from Tue 3 Mar, 10:00 on" in shown
    assert "At risk" in words_of(his.get(reverse("home")))
    assert "1 grant at risk." in words_of(browse(cleo).get(reverse("home")))
    assert "At risk" not in words_of(browse(ada).get(reverse("request", args=[two[0].pk])))


def test_i19_the_pool_page_names_grants_at_risk_only_to_those_who_may_see_them(
    two: tuple[CapacityRequest, CapacityRequest],
    pool: Pool,
    azure: FakeAzure,
    browse: Browse,
    ada: User,
    cleo: User,
) -> None:
    lower(azure, 500)
    address = reverse("pool", args=[pool.pk])
    [row] = browse(cleo).get(address).context["page"].risks.rows
    assert (row.holder, row.missing, row.request_id) == ("Search", "10 units", two[1].pk)
    [row] = browse(ada).get(address).context["page"].risks.rows
    assert (row.holder, row.request_id) == ("another team", None)


def test_the_limit_is_drawn_once_it_has_moved(
    pool: Pool, azure: FakeAzure, browse: Browse, cleo: User
) -> None:
    address = reverse("pool", args=[pool.pk])
    assert browse(cleo).get(address).context["page"].limits.chart is None
    lower(azure, 800)
    chart = browse(cleo).get(address).context["page"].limits.chart
    assert (chart.spec["kind"], chart.spec["limit"]) == ("limit_history", [1000, 800])
    assert [row[1:] for row in chart.rows] == [["1,000", "300"], ["800", "300"]]


def test_many_pools_take_as_many_queries_as_one(
    two: object, pool: Pool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):  # limits and sums of the pools: nothing is suspect
        assert risks_of([pool.pk, pool.pk + 1], at=LATER) == {}
    with django_assert_num_queries(0):
        assert risks_of([], at=LATER) == {}


def test_the_quick_look_never_overlooks_what_is_at_risk(
    two: tuple[CapacityRequest, CapacityRequest], pool: Pool, azure: FakeAzure, dan: User
) -> None:
    give_back(two[1], by=dan, reason="", at=MORNING.start)
    lower(azure, 359)
    assert risk(pool) == {two[0].pk: Risk(1, MORNING)}
