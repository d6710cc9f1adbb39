"""The API: the same rules as the pages, errors as problem+json."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.models import User
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Service
from quotas.tests.conftest import Browse, ask, ask_often
from quotas.tests.factories import FakeAzure

LIST = "/api/v1/burst-requests/"
PROBLEM = "application/problem+json"


def body(**more: Any) -> dict[str, Any]:
    asked = {
        "service": "chat-assistant",
        "tokens_per_minute": 39_500,
        "starts_at": "2026-03-03T11:00:00+01:00",
        "ends_at": "2026-03-03T18:00:00Z",
        "occasion": "launch",
        "purpose": "The launch.",
        **more,
    }
    return {key: value for key, value in asked.items() if value is not None}


def post(client: Client, **more: Any):
    return client.post(LIST, body(**more), content_type="application/json")


def test_without_a_session_nothing_is_told(client: Client, waiting):
    answer = client.get(LIST)
    assert answer.status_code == 403
    assert answer["Content-Type"] == PROBLEM


def test_a_post_needs_the_csrf_token(chat: Service, ada: User, noon):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    assert post(strict).status_code == 403
    assert CapacityRequest.objects.count() == 0


def test_a_burst_is_asked_for_and_answered_as_it_stands(browse: Browse, chat: Service, ada: User):
    answer = post(browse(ada))
    sent = CapacityRequest.objects.get()
    assert answer.status_code == 201
    assert answer["Location"].endswith(reverse("api_burst_request", args=[sent.pk]))
    told = answer.json()
    assert {key: told[key] for key in ("units", "tokens_per_minute", "state", "starts_at")} == {
        "units": 40,
        "tokens_per_minute": 40_000,
        "state": "approved",
        "starts_at": "2026-03-03T10:00:00Z",
    }
    assert browse(ada).get(answer["Location"]).json() == told


def test_units_may_be_given_instead(browse: Browse, chat: Service, ada: User):
    answer = post(browse(ada), tokens_per_minute=None, units=60)
    assert (answer.json()["units"], answer.json()["state"]) == (60, "in_review")


REFUSED = {
    "end before start": ({"ends_at": "2026-03-03T09:00:00Z"}, 422, "ends_before_start"),
    "a window in the past": (
        {"starts_at": "2026-03-01T09:00:00Z", "ends_at": "2026-03-01T10:00:00Z"},
        422,
        "in_the_past",
    ),
    "a start in the past": ({"starts_at": "2026-03-02T11:59:00Z"}, 422, "start_in_the_past"),
    "nothing": ({"tokens_per_minute": 0}, 422, "nothing_asked"),
    "less than nothing": ({"tokens_per_minute": -1}, 422, "nothing_asked"),
    "absurdly much": ({"tokens_per_minute": 1_999_999_999}, 422, "absurd_amount"),
    "more than the column holds": ({"tokens_per_minute": 10**30}, 400, "invalid"),
    "no purpose": ({"purpose": ""}, 400, "invalid"),
    "an unknown occasion": ({"occasion": "party"}, 422, "occasion_unknown"),
    "no offset": ({"starts_at": "2026-03-03T11:00:00"}, 400, "invalid"),
    "no date": ({"starts_at": "tomorrow"}, 400, "invalid"),
    "no amount": ({"tokens_per_minute": None}, 400, "invalid"),
    "both amounts": ({"units": 40}, 400, "invalid"),
    "no service": ({"service": None}, 400, "invalid"),
    "an unknown service": ({"service": "no-such"}, 404, "not_found"),
    "another team's service": ({"service": "search"}, 404, "not_found"),
    "another team's deployment": ({"deployment": "search"}, 404, "not_found"),
    "more than is free": ({"tokens_per_minute": 900_000}, 422, "pool_exhausted"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_a_problem_with_a_sentence_and_nothing_is_written(
    browse: Browse,
    chat: Service,
    search: Service,
    ada: User,
    case: tuple[dict[str, Any], int, str],
):
    wrong, status, code = case
    answer = post(browse(ada), **wrong)
    told = answer.json()
    assert (answer.status_code, told["code"], told["status"]) == (status, code, status)
    assert answer["Content-Type"] == PROBLEM
    assert told["title"].endswith(".")
    assert CapacityRequest.objects.count() == 0
    assert LedgerEntry.objects.filter(kind="burst").count() == 0


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', "null", "\xff"])
def test_what_is_no_json_object_is_a_problem(browse: Browse, chat, ada: User, raw: str):
    answer = browse(ada).post(LIST, raw, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == PROBLEM


def test_ben_is_told_who_may_ask_and_fay_too(browse: Browse, chat, ben: User, fay: User):
    for user in (ben, fay):
        answer = post(browse(user))
        assert (answer.status_code, answer.json()["code"]) == (422, "not_yours")


def test_with_two_deployments_one_must_be_named(
    browse: Browse, synced: FakeAzure, chat: Service, ada: User
):
    Deployment.objects.filter(name="search").update(service=chat)
    answer = post(browse(ada))
    assert answer.status_code == 400
    assert "acme/search" in answer.json()["errors"]["deployment"]
    assert post(browse(ada), deployment="acme/chat").json()["deployment"] == "chat"


def test_provisioned_units_are_not_given_in_tokens(browse: Browse, chat: Service, ada: User):
    chat.deployments.update(sku_name="ProvisionedManaged")
    assert "give units" in str(post(browse(ada)).json()["errors"]["tokens_per_minute"])
    without_yes = post(browse(ada), tokens_per_minute=None, units=10)
    assert without_yes.json()["code"] == "release_not_agreed"
    with_yes = post(browse(ada), tokens_per_minute=None, units=10, accepts_provisioned_release=True)
    assert with_yes.status_code == 201


def test_each_person_reads_what_they_may_see(
    browse: Browse, waiting, search: Service, ada: User, ben: User, dan: User, fay: User
):
    mine = ask(search, dan, units=5)
    for user, expected in (
        (ada, [waiting.pk]), (ben, [waiting.pk]), (dan, [mine.pk]), (fay, [mine.pk, waiting.pk]),
    ):  # fmt: skip
        told = browse(user).get(LIST).json()["results"]
        assert [row["id"] for row in told] == expected
    assert browse(dan).get(f"{LIST}{waiting.pk}/").status_code == 404
    assert browse(dan).get(f"{LIST}{waiting.pk}/")["Content-Type"] == PROBLEM


def test_the_list_is_filtered_by_state_and_service(
    browse: Browse, waiting, search: Service, dan: User, fay: User
):
    approved = ask(search, dan, units=5)
    hers = browse(fay)

    def ids(**given: str) -> list[int]:
        return [row["id"] for row in hers.get(LIST, given).json()["results"]]

    assert ids(state="approved") == [approved.pk]
    assert ids(service="chat-assistant") == [waiting.pk]
    assert ids(service="no-such") == []
    odd = hers.get(LIST, {"state": "lost"})
    assert (odd.status_code, odd["Content-Type"]) == (400, PROBLEM)


def test_long_lists_page_by_cursor_with_few_queries(
    browse: Browse,
    chat: Service,
    ada: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    ask_often(chat, ada, 55)
    hers = browse(ada)
    with django_assert_max_num_queries(5):
        first = hers.get(LIST).json()
    assert len(first["results"]) == 50
    rest = hers.get(first["next"]).json()
    seen = {row["id"] for row in first["results"] + rest["results"]}
    assert (len(seen), rest["next"]) == (55, None)


def test_nothing_can_be_changed_or_deleted(browse: Browse, waiting, ada: User):
    hers = browse(ada)
    for method in (hers.put, hers.patch, hers.delete):
        answer = method(f"{LIST}{waiting.pk}/", {}, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (405, PROBLEM)
