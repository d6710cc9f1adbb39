"""The one long story: asked, approved, applied, verified, used, costed, shown, taken back.

Through the real SDKs over HTTPS against the simulated Azure, on both clocks.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.test import Client

from portal.management.clocks import TwoClocks
from portal.management.stepper import advance
from portal.models import User
from quotas import tasks as quotas_tasks
from quotas.models import CapacityRequest, Change, LedgerEntry, Plan, Service
from showback.models import UsageMinutes
from stack.simulator_process import SimulatorProcess
from tests.golden import world
from tests.golden.checks import (
    capacity_in_azure,
    check_cost,
    check_minutes,
    check_that_429s_fell,
    day_page_of,
    expected_cost,
    expected_minutes,
)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_golden_path_from_request_to_showback_and_back(
    code: Service,
    ada: User,
    cleo: User,
    clocks: TwoClocks,
    simulated_azure: SimulatorProcess,
    golden_trace: Path,
) -> None:
    ask_for_the_burst(code, ada)
    request = CapacityRequest.objects.get()
    assert request.state == "in_review"

    answer = signed_in(cleo).post(f"/requests/{request.pk}/approve/", {"note": "Go."})
    assert answer.status_code in {200, 302}
    request.refresh_from_db()
    assert request.state == "approved"
    assert capacity_in_azure(simulated_azure) == world.HELD

    advance(clocks, world.BURST_START - world.LEAD)
    assert capacity_in_azure(simulated_azure) == world.HELD + world.EXTRA
    change = Change.objects.get()
    assert (change.state, change.read_back_units) == ("succeeded", world.HELD + world.EXTRA)

    advance(clocks, world.BURST_END)
    assert capacity_in_azure(simulated_azure) == world.HELD
    advance(clocks, world.AFTER)

    expected = expected_minutes(golden_trace)
    check_minutes(expected)
    check_that_429s_fell(expected, golden_trace)
    check_cost(expected, code)
    page = signed_in(ada).get(day_page_of(code))
    assert page.status_code == 200
    assert f"{expected_cost(expected):,.2f}" in page.content.decode()
    assert LedgerEntry.objects.filter(kind="burst").count() == 1


def ask_for_the_burst(code: Service, ada: User) -> None:
    answer = signed_in(ada).post(
        f"/services/{code.slug}/burst/",
        {
            "deployment": code.deployments.get().pk,
            "amount": world.EXTRA * 1000,
            "starts_at": world.BURST_START.strftime("%Y-%m-%dT%H:%M"),
            "ends_at": world.BURST_END.strftime("%Y-%m-%dT%H:%M"),
            "occasion": "launch",
            "purpose": "Everybody writes code at once.",
        },
    )
    assert answer.status_code == 302, answer.content.decode()


def test_golden_path_after_the_first_sync_the_plan_is_empty(
    code: Service, clocks: TwoClocks, simulated_azure: SimulatorProcess
) -> None:
    quotas_tasks.reconcile_now()
    assert not Plan.objects.exists()
    assert not [r for r in simulated_azure.control("GET", "/log") if r["method"] == "PATCH"]


def test_golden_path_ingesting_any_window_again_changes_nothing(
    code: Service, clocks: TwoClocks
) -> None:
    from showback import tasks as showback_tasks

    advance(clocks, world.TRACE_START + timedelta(minutes=25))

    def facts() -> list[dict[str, Any]]:
        return list(UsageMinutes.objects.order_by("hour").values("hour", "ok", "throttled"))

    before = facts()
    assert any(any(row["ok"]) for row in before)
    showback_tasks.pull_recent()
    showback_tasks.pull_recent()
    assert [row for row in facts() if row["hour"] in {b["hour"] for b in before}] == before
