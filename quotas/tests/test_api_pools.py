"""Pools by the API: limit, reserve, free now and over a window, for whoever sees the pool."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.models import User
from quotas.models import CapacityRequest, Pool, PoolLimit, Service
from quotas.services.reserves import set_reserve
from quotas.tests.conftest import Browse, ask, sync
from quotas.tests.factories import NOON, FakeAzure, utc

LIST = "/api/v1/pools/"


def got(client: Client, pool: Pool, below: str = "", **query: str) -> Any:
    answer = client.get(f"{LIST}{pool.pk}/{below}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_pool_tells_limit_reserve_and_what_is_free_in_units_and_rates(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    set_reserve(pool, units=100, reason="For incidents.", by=cleo, at=NOON)
    told = got(browse(cleo), pool)
    assert told["limit"] == {
        "units": 1000, "tokens_per_minute": 1_000_000, "requests_per_minute": 6_000,
    }  # fmt: skip
    amounts = {key: told[key]["units"] for key in ("reserve", "held_now", "free_now")}
    assert amounts == {"reserve": 100, "held_now": 300, "free_now": 600}
    assert told["free_over_window"]["units"] == 540
    assert told["fullest_at"] == "2026-03-03T10:00:00Z"


def test_what_is_free_is_asked_over_any_window_every_instant_of_it(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    hers = browse(cleo)
    before = {"from": "2026-03-03T08:00:00Z", "until": "2026-03-03T10:00:00Z"}
    touching = {"from": "2026-03-03T18:59:00+01:00", "until": "2026-03-04T10:00:00Z"}
    assert got(hers, pool, **before)["free_over_window"]["units"] == 700
    assert got(hers, pool, **touching)["free_over_window"]["units"] == 640
    assert got(hers, pool, **touching)["held_now"]["units"] == 300


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"from": "2026-03-03T10:00:00Z"}, "both from and until"),
        ({"from": "2026-03-03T10:00:00Z", "until": "2026-03-03T10:00:00Z"}, "after the start"),
        ({"from": "2026-03-03T10:00:00", "until": "2026-03-03T12:00:00Z"}, "offset"),
        ({"from": "yesterday", "until": "2026-03-03T12:00:00Z"}, "wrong format"),
    ],
)
def test_a_window_that_cannot_be_read_is_a_sentence(
    browse: Browse, pool: Pool, cleo: User, query: dict[str, str], sentence: str
):
    answer = browse(cleo).get(f"{LIST}{pool.pk}/", query)
    assert (answer.status_code, sentence in answer.content.decode()) == (400, True)


def test_a_limit_that_was_never_told_is_null_and_not_nought(browse: Browse, pool: Pool, cleo: User):
    PoolLimit.objects.all().delete()
    told = got(browse(cleo), pool)
    keys = ("limit", "outside", "free_now", "free_over_window")
    assert [told[key]["units"] for key in keys] == [None] * 4


def test_how_the_limit_moved(browse: Browse, pool: Pool, azure: FakeAzure, cleo: User):
    azure.limit_units = 800
    sync(azure, utc("2026-03-02 12:05"))
    assert got(browse(cleo), pool, "limits/")["results"] == [
        {"from": "2026-03-02T12:05:00Z", "limit_units": 800, "before_units": 1000},
        {"from": "2026-03-02T12:00:00Z", "limit_units": 1000, "before_units": None},
    ]


def test_the_reserve_is_read_and_set(browse: Browse, pool: Pool, cleo: User):
    address = f"{LIST}{pool.pk}/reserve/"
    body = {"tokens_per_minute": 79_500, "reason": "For incidents."}
    told = browse(cleo).post(address, body, content_type="application/json").json()
    assert (told["reserve"]["units"], told["most"]["units"]) == (80, 700)
    assert got(browse(cleo), pool, "reserve/")["history"] == [
        {
            "from": "2026-03-02T12:00:00Z",
            "units": 80,
            "before_units": 0,
            "reason": "For incidents.",
            "set_by": "cleo",
        }
    ]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"units": 701, "reason": "x"}, 422, "At most 700 units"),
        ({"units": -1, "reason": "x"}, 422, "nought or more"),
        ({"units": 1, "reason": " "}, 400, "blank"),
        ({"units": 1, "tokens_per_minute": 1, "reason": "x"}, 400, "either units"),
        ({"reason": "x"}, 400, "either units"),
    ],
)
def test_a_reserve_that_cannot_be_is_refused_with_a_sentence(
    browse: Browse, pool: Pool, cleo: User, body: Any, status: int, sentence: str
):
    address = f"{LIST}{pool.pk}/reserve/"
    answer = browse(cleo).post(address, body, content_type="application/json")
    assert (answer.status_code, sentence in answer.content.decode()) == (status, True)
    pool.refresh_from_db()
    assert pool.reserve_units == 0


def test_ada_reads_the_pool_of_her_service_and_cannot_set_its_reserve(
    browse: Browse, pool: Pool, chat: Service, ada: User
):
    hers = browse(ada)
    assert [row["id"] for row in hers.get(LIST).json()["results"]] == [pool.pk]
    body = {"units": 1, "reason": "x"}
    answer = hers.post(f"{LIST}{pool.pk}/reserve/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_yours")


WEEK = {"from": "2026-03-02T12:00:00Z", "until": "2026-03-09T00:00:00Z"}


def test_the_calendar_tells_each_step_and_who_holds_what(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    told = got(browse(cleo), pool, "calendar/", **WEEK)
    assert [(step["from"], step["held"], step["free"]) for step in told["steps"]] == [
        ("2026-03-02T12:00:00Z", 300, 700),
        ("2026-03-03T10:00:00Z", 360, 640),
        ("2026-03-03T18:00:00Z", 300, 700),
    ]
    [burst] = [each for each in told["holdings"] if each["kind"] == "burst"]
    assert (burst["service"], burst["request"]) == ("chat-assistant", granted.pk)
    assert burst["steps"] == [
        {"from": "2026-03-03T10:00:00Z", "until": "2026-03-03T18:00:00Z", "units": 60}
    ]


def test_what_waits_for_an_answer_is_told_apart(
    browse: Browse, pool: Pool, waiting: CapacityRequest, cleo: User
):
    told = got(browse(cleo), pool, "calendar/", **WEEK)
    assert [(each["request"], each["units"]) for each in told["in_review"]] == [(waiting.pk, 60)]
    assert max(step["held"] for step in told["steps"]) == 300


def test_grants_at_risk_are_told_with_what_is_missing(
    browse: Browse, pool: Pool, granted: CapacityRequest, azure: FakeAzure, cleo: User
):
    assert got(browse(cleo), pool, "at-risk/")["grants"] == []
    azure.limit_units = 340
    sync(azure, utc("2026-03-02 12:05"))
    assert got(browse(cleo), pool, "at-risk/") == {
        "pool": pool.pk,
        "steady_missing_units": 0,
        "grants": [
            {
                "request": granted.pk,
                "service": "chat-assistant",
                "units": 60,
                "missing_units": 20,
                "from": "2026-03-03T10:00:00Z",
                "until": "2026-03-03T18:00:00Z",
            }
        ],
    }


def test_in_a_shared_pool_dan_reads_amounts_and_no_other_teams_names(
    browse: Browse,
    pool: Pool,
    granted: CapacityRequest,
    chat: Service,
    search: Service,
    azure: FakeAzure,
    ada: User,
    dan: User,
):
    ask(chat, ada, units=120)
    azure.limit_units = 340
    sync(azure, utc("2026-03-02 12:05"))
    his = browse(dan)
    calendar, at_risk = got(his, pool, "calendar/", **WEEK), got(his, pool, "at-risk/")
    assert max(step["held"] for step in calendar["steps"]) == 360
    assert calendar["in_review"] == []
    assert {each["service"] for each in calendar["holdings"]} == {"search", None}
    assert [(g["service"], g["request"], g["missing_units"]) for g in at_risk["grants"]] == [
        (None, None, 20)
    ]
    assert "chat" not in f"{calendar}{at_risk}"


@pytest.mark.parametrize("below", ["", "limits/", "reserve/", "calendar/", "at-risk/"])
def test_dan_of_another_team_sees_nothing(
    browse: Browse, pool: Pool, chat: Service, delta: object, dan: User, below: str
):
    his = browse(dan)
    assert his.get(LIST).json() == {"results": []}
    assert his.get(f"{LIST}{pool.pk}/{below}").status_code == 404


def test_the_list_takes_as_many_queries_for_many_pools(
    browse: Browse,
    pool: Pool,
    cleo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    for number in range(20):
        pool.pk, pool.scope_id = None, f"region{number}"
        pool.save()
    hers = browse(cleo)
    with django_assert_max_num_queries(8):
        assert len(hers.get(LIST).json()["results"]) == 21
