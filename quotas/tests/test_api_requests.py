"""The API of requests of every kind and of every answer: as services say, for who may see it."""

from typing import Any

import pytest
from django.test import Client

from portal.models import User
from quotas.api_requests import VERBS
from quotas.models import CapacityRequest, LedgerEntry, Service
from quotas.tests.conftest import Browse

LIST = "/api/v1/requests/"
BURST = {
    "service": "chat-assistant", "units": 120, "occasion": "launch", "purpose": "The launch.",
    "starts_at": "2026-03-03T10:00:00Z", "ends_at": "2026-03-03T18:00:00Z",
}  # fmt: skip
LASTING = {**BURST, "kind": "baseline", "units": 30, "ends_at": None, "occasion": ""}


def post(client: Client, path: str = "", **data: Any) -> Any:
    return client.post(f"{LIST}{path}", data, content_type="application/json")


@pytest.fixture
def asked(browse: Browse, chat: Service, ada: User) -> int:
    answer = post(browse(ada), **BURST)
    assert answer.status_code == 201
    number: int = answer.json()["id"]
    return number


def test_a_burst_is_asked_for_and_says_whose_turn_it_is(
    browse: Browse, asked: int, ada: User
) -> None:
    told = browse(ada).get(f"{LIST}{asked}/").json()
    assert (told["kind"], told["state"], told["stage"]) == ("burst", "in_review", "Platform owners")
    assert told["deadline_at"] == "2026-03-03T17:45:00Z"


def test_a_baseline_has_no_end(browse: Browse, chat: Service, ada: User) -> None:
    told = post(browse(ada), **LASTING).json()
    assert (told["kind"], told["ends_at"], told["units"]) == ("baseline", None, 30)
    less = post(browse(ada), **{**LASTING, "units": -30}).json()
    assert (less["state"], less["units"]) == ("approved", -30)


def test_an_extension_takes_what_its_grant_holds(browse: Browse, chat: Service, ada: User) -> None:
    hers = browse(ada)
    grant = post(hers, **{**BURST, "units": 40}).json()
    longer = {"service": "chat-assistant", "kind": "extension", "parent": grant["id"],
              "starts_at": BURST["ends_at"], "ends_at": "2026-03-03T20:00:00Z",
              "purpose": "It takes longer."}  # fmt: skip
    told = post(hers, **longer).json()
    assert (told["state"], told["units"], told["parent"]) == ("approved", 40, grant["id"])
    assert told["starts_at"] == grant["ends_at"]


def test_an_approver_grants_a_part(browse: Browse, asked: int, cleo: User) -> None:
    told = post(browse(cleo), f"{asked}/approve/", units=60, note="Half.").json()
    assert told["state"] == "approved"
    assert LedgerEntry.objects.get(kind="burst").units == 60


def test_an_offer_is_accepted_in_one_call(
    browse: Browse, asked: int, ada: User, cleo: User
) -> None:
    offer = {"units": 80, "ends_at": "2026-03-03T20:00:00Z"}
    assert post(browse(cleo), f"{asked}/offer/", **offer).json()["state"] == "counter_offered"
    told = post(browse(ada), f"{asked}/accept/").json()
    assert (told["state"], told["units"]) == ("approved", 80)


def test_a_question_is_asked_and_answered_and_the_request_denied(
    browse: Browse, asked: int, ada: User, cleo: User
) -> None:
    assert post(browse(cleo), f"{asked}/ask/", note="Why?").json()["state"] == "needs_info"
    assert post(browse(ada), f"{asked}/answer/", note="So.").json()["state"] == "in_review"
    refused = post(browse(cleo), f"{asked}/deny/")
    assert (refused.status_code, refused.json()["code"]) == (422, "reason_missing")
    assert post(browse(cleo), f"{asked}/deny/", note="No.").json()["state"] == "denied"


def test_a_request_is_changed_and_withdrawn(browse: Browse, asked: int, ada: User) -> None:
    hers = browse(ada)
    put = hers.put(f"{LIST}{asked}/", {**BURST, "units": 130}, content_type="application/json")
    assert (put.status_code, put.json()["units"]) == (200, 130)
    assert post(hers, f"{asked}/withdraw/").json()["state"] == "withdrawn"


def test_a_grant_is_given_back_in_part_and_revoked_with_notice(
    browse: Browse, asked: int, ada: User, cleo: User
) -> None:
    post(browse(cleo), f"{asked}/approve-largest/")
    assert post(browse(ada), f"{asked}/give-back/", units=20).status_code == 200
    assert post(browse(cleo), f"{asked}/revoke/", note="An incident.").status_code == 200
    taken = LedgerEntry.objects.filter(request=asked, units__lt=0)
    assert sorted(taken.values_list("units", flat=True)) == [-100, -20]


def test_a_draft_is_kept_changed_sent_or_deleted(
    browse: Browse, chat: Service, ada: User, cleo: User
) -> None:
    hers = browse(ada)
    number = post(hers, **{**BURST, "purpose": "", "draft_only": True}).json()["id"]
    assert browse(cleo).get(f"{LIST}{number}/").status_code == 404
    assert post(hers, f"{number}/send/").json()["code"] == "purpose_missing"
    hers.put(f"{LIST}{number}/", BURST, content_type="application/json")
    assert post(hers, f"{number}/send/").json()["state"] == "in_review"
    other = post(hers, **{**BURST, "draft_only": True}).json()["id"]
    assert hers.delete(f"{LIST}{other}/").status_code == 204
    assert not CapacityRequest.objects.filter(pk=other).exists()


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_i19_dan_of_another_team_sees_nothing_and_can_do_nothing(
    browse: Browse, asked: int, dan: User, verb: str
) -> None:
    his = browse(dan)
    assert his.get(LIST).json()["results"] == []
    assert his.get(f"{LIST}{asked}/").status_code == 404
    assert post(his, f"{asked}/{verb}/", note="Mine.").status_code == 404
    assert CapacityRequest.objects.get().state == "in_review"


def test_a_refusal_says_what_to_do(browse: Browse, asked: int, ada: User) -> None:
    own = post(browse(ada), f"{asked}/approve/")
    assert (own.status_code, own.json()["code"]) == (422, "self_approval")
    assert post(browse(ada), f"{asked}/approve/", units=0).status_code == 400
