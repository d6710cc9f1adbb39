"""What comes next of a change, as one word: a table over its fields, and the API that tells it."""

from typing import Any

import pytest

from portal.models import User
from quotas.domain.plan import DRIFT, NOTHING_HELD, RELEASE
from quotas.models import Change, Freeze, Plan, Pool, Service
from quotas.selectors.next_steps import next_step
from quotas.tests.conftest import Browse, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, utc

LATER = utc("2026-03-05 00:00")


@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({"state": "succeeded"}, "none"),
        ({"state": "superseded"}, "none"),
        ({"state": "planned"}, "write"),
        ({"state": "writing"}, "wait_for_azure"),
        ({"state": "verifying"}, "wait_for_azure"),
        ({"state": "needs_human", "sentence": DRIFT}, "answer_edit"),
        ({"state": "needs_human", "sentence": DRIFT, "snoozed_until": LATER}, "wait_for_snooze"),
        ({"state": "needs_human", "sentence": RELEASE}, "agree_to_release"),
        ({"state": "needs_human", "sentence": NOTHING_HELD}, "change_ledger"),
        ({"state": "retry_wait"}, "try_again"),
        ({"state": "retry_wait", "error_reason": "throttled"}, "try_again"),
        ({"state": "blocked", "error_reason": "insufficient_quota"}, "request_quota"),
        ({"state": "blocked", "error_reason": "capacity_not_available"}, "choose_another_place"),
        ({"state": "blocked", "error_reason": "forbidden"}, "grant_role"),
        ({"state": "blocked", "error_reason": "not_found"}, "check_deployment"),
        ({"state": "blocked", "error_reason": "forbidden", "held_by": Freeze(pk=1)},
         "wait_for_freeze"),
        ({"state": "planned", "killed_now": True}, "turn_kill_switch_off"),
        ({"state": "polling", "killed_now": True}, "wait_for_azure"),
        ({"state": "planned", "mode": "observe", "killed_now": True}, "turn_applying_on"),
        ({"state": "planned", "stopped": "Too many."}, "allow_plan"),
        ({"state": "retry_wait", "stopped": "Too many.", "agreed_at": NOON}, "try_again"),
    ],
)  # fmt: skip
def test_one_word_for_each(fields: dict[str, Any], step: str) -> None:
    own = {name: value for name, value in fields.items() if hasattr(Change, name)}
    pool = Pool(mode=fields.get("mode", "apply"))
    plan = Plan(pool=pool, mode="apply", stopped_because=fields.get("stopped", ""))
    change = Change(plan=plan, **own)
    change.killed_now = fields.get("killed_now", False)
    assert next_step(change, at=NOON) == step


def test_the_api_tells_it(
    browse: Browse, chat: Service, applying: Pool, azure: FakeAzure, cleo: User
) -> None:
    azure.edit("chat", 130)
    sync(azure, NOON)
    reconcile_at(azure, NOON)
    hers, asked = browse(cleo), Change.objects.get()
    address = f"/api/v1/changes/{asked.pk}/"
    assert hers.get(address).json()["next_step"] == "answer_edit"
    body = {"reason": "A mistake."}
    told = hers.post(f"{address}write-back/", body, content_type="application/json").json()
    assert told["next_step"] == "try_again"
