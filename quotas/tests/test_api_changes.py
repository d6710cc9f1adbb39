"""What is written to Azure, by the API: kill switch, plans, answers to edits, findings."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from portal.models import User
from quotas.models import Change, Finding, LedgerEntry, Plan, Pool, Service
from quotas.services import kill_switch
from quotas.tests.conftest import Browse, reconcile_at, sync
from quotas.tests.factories import ACCOUNT, NOON, FakeAzure

SWITCH, CHAT = "/api/v1/kill-switch/", f"{ACCOUNT}/deployments/chat"


def post(client: Client, address: str, **body: Any) -> tuple[int, Any]:
    answer = client.post(address, body, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.fixture
def edited(chat: Service, applying: Pool, azure: FakeAzure) -> Change:
    """chat was set to 130 in Azure; the ledger wants 100."""
    azure.edit("chat", 130)
    sync(azure, NOON)
    reconcile_at(azure, NOON)
    return Change.objects.get(state="needs_human")


def test_the_kill_switch_is_thrown_read_by_everybody_and_turned_off(
    browse: Browse, ada: User, cleo: User
) -> None:
    hers = browse(cleo)
    assert hers.get(SWITCH).json() == {"is_on": False, "results": []}
    code, thrown = post(hers, SWITCH, reason="Look first.")
    assert (code, thrown["is_on"], thrown["turned_on_by"]) == (201, True, "cleo")
    told = browse(ada).get(SWITCH).json()
    assert (told["is_on"], told["results"]) == (True, [thrown])
    assert post(hers, SWITCH, reason="Me too.")[0] == 409
    code, off = post(hers, f"{SWITCH}{thrown['id']}/off/", reason="Looked.")
    assert (code, off["is_on"], off["reason_to_go_on"]) == (200, False, "Looked.")
    assert post(hers, f"{SWITCH}{thrown['id']}/off/", reason="Looked.")[0] == 409
    assert hers.get(SWITCH).json()["is_on"] is False


def test_the_kill_switch_refuses_with_the_sentences_of_the_page(
    browse: Browse, ada: User, cleo: User
) -> None:
    code, refused = post(browse(ada), SWITCH, reason="Mine.")
    assert (code, refused["code"]) == (422, "not_yours")
    code, refused = post(browse(cleo), SWITCH)
    assert (code, refused["title"]) == (422, "Say why; everybody reads it on every page.")
    assert not kill_switch.is_on()


def test_an_edit_is_found_read_and_each_answer_is_taken_once(
    browse: Browse, edited: Change, azure: FakeAzure, ada: User, cleo: User
) -> None:
    hers, address = browse(cleo), f"/api/v1/changes/{edited.pk}/"
    [row] = hers.get("/api/v1/changes/").json()["results"]
    assert (row["id"], row["from_units"], row["to_units"]) == (edited.pk, 130, 100)
    assert row["may"] == ["adopt", "snooze", "write-back"]
    assert browse(ada).get(address).json()["may"] == []
    later = {"until": "2026-03-05T00:00:00Z", "reason": "A load test."}
    code, told = post(hers, f"{address}snooze/", **later)
    assert (code, told["snoozed_until"], told["answered_by"]) == (200, later["until"], "cleo")
    code, told = post(hers, f"{address}write-back/", reason="Enough.")
    assert (code, told["state"], told["answer_reason"]) == (200, "retry_wait", "Enough.")
    reconcile_at(azure, NOON)
    assert azure.units("chat") == 100
    assert post(hers, f"{address}adopt/", reason="Late.")[0] == 409
    assert hers.get("/api/v1/changes/").json()["results"] == []
    assert len(hers.get("/api/v1/changes/?view=done").json()["results"]) == 1


def test_adopting_an_edit_makes_it_the_baseline(browse: Browse, edited: Change, cleo: User) -> None:
    code, told = post(browse(cleo), f"/api/v1/changes/{edited.pk}/adopt/", reason="By phone.")
    assert (code, told["state"]) == (200, "superseded")
    assert LedgerEntry.objects.get(units=30).reason == "By phone."


def test_an_edit_is_answered_by_operators_only_and_hidden_from_other_teams(
    browse: Browse, edited: Change, ada: User, dan: User, cleo: User
) -> None:
    address = f"/api/v1/changes/{edited.pk}/"
    later = {"until": "2026-03-05T00:00:00Z", "reason": "Mine."}
    for verb in ("adopt", "write-back", "snooze"):
        code, refused = post(browse(ada), f"{address}{verb}/", **later)
        assert (code, refused["code"]) == (422, "not_yours")
        assert post(browse(dan), f"{address}{verb}/", **later)[0] == 404
    assert browse(dan).get("/api/v1/changes/?view=all").json()["results"] == []
    without = post(browse(cleo), f"{address}snooze/", until="2026-03-05T00:00:00", reason="x")
    assert (without[0], "offset" in str(without[1]["errors"])) == (400, True)


def test_the_plan_of_a_pool_is_read_and_a_held_one_takes_a_yes_to_what_was_shown(
    browse: Browse, edited: Change, azure: FakeAzure, ada: User, cleo: User
) -> None:
    Plan.objects.update(stopped_because="6 of 8 deployments differ.")
    hers, plan = browse(cleo), edited.plan
    address = f"/api/v1/pools/{plan.pool_id}/plan/"
    told = hers.get(address).json()
    assert (told["mode"], told["is_written"], told["goes"]) == ("apply", True, [])
    assert (told["room_before_units"], told["room_after_units"]) == (670, 670)
    [step], [held] = told["waits"], told["held"]
    assert (step["change"], step["from_units"], step["to_units"]) == (edited.pk, 130, 100)
    assert (held["id"], held["changes"], held["may_allow"]) == (plan.pk, 1, True)
    allow = f"/api/v1/plans/{plan.pk}/allow/"
    assert post(hers, allow, content="other")[0] == 409
    assert browse(ada).get(address).status_code == 404
    assert post(browse(ada), allow, content=held["content"])[1]["code"] == "not_yours"
    code, told = post(hers, allow, content=held["content"])
    assert (code, told["held"], [step["number"] for step in told["goes"]]) == (200, [], [1])
    reconcile_at(azure, NOON)
    assert azure.units("chat") == 100


def test_findings_are_listed_and_answered(
    browse: Browse, chat: Service, azure: FakeAzure, ada: User, dan: User, cleo: User
) -> None:
    azure.deployments[CHAT] = replace(azure.deployments[CHAT], model_version="2025-03-01")
    sync(azure, NOON)
    hers, found = browse(cleo), Finding.objects.get()
    address = f"/api/v1/findings/{found.pk}/"
    [row] = browse(ada).get("/api/v1/findings/").json()["results"]
    assert (row["kind"], row["was"], row["now"]) == ("version", "2024-11-20", "2025-03-01")
    assert post(browse(ada), f"{address}adopt/", reason="Mine.")[1]["code"] == "not_yours"
    assert browse(dan).get(address).status_code == 404
    later = {"until": "2026-03-05T00:00:00Z", "reason": "A test."}
    code, told = post(hers, f"{address}snooze/", **later)
    assert (code, told["snoozed_until"], told["how"]) == (200, later["until"], "")
    code, told = post(hers, f"{address}adopt/", reason="It is better.")
    assert (code, told["how"], told["answer_reason"]) == (200, "adopted", "It is better.")
    assert hers.get("/api/v1/findings/").json()["results"] == []
    assert len(hers.get("/api/v1/findings/?view=done").json()["results"]) == 1
