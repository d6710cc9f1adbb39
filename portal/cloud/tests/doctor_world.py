"""What the doctor's tests share: the ids of the simulator's small world, and its refusals."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from portal.cloud.doctor.examine import examine_azure
from portal.kernel.findings import Finding, Outcome
from stack.simulator_process import SimulatorProcess

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
SCOPE = f"subscription {SUBSCRIPTION}"
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
_PROVIDER = "providers/Microsoft.CognitiveServices"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai-east/{_PROVIDER}/accounts/contoso-east"
)
CHAT = f"{ACCOUNT}/deployments/chat"
WORKSPACE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@contextmanager
def free(_resource_id: str) -> Iterator[str]:
    """A guard that lets every write in."""
    yield ""


def examined(
    *,
    write: str = "",
    subscription: str = SUBSCRIPTION,
    workspace: str = "",
    guard: Any = free,
) -> list[Finding]:
    return list(
        examine_azure(
            [subscription],
            workspace_ids=[workspace] if workspace else [],
            at=AT,
            write=write,
            request_id="doctor-1",
            guard=guard,
        )
    )


def by_check(findings: list[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.check, []).append(finding)
    return found


def failures(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.outcome is Outcome.FAILED]


def deny(simulator: SimulatorProcess, match: str, *, status: int = 403, code: str = "") -> None:
    """Azure's own answer to a call without the right (or another refusal), until the next reset."""
    code = code or "AuthorizationFailed"
    message = "The client does not have authorization to perform this action."
    fault = {
        "match": match,
        "status": status,
        "body": {"error": {"code": code, "message": message}},
        "times": 0,
    }
    simulator.control("POST", "/faults", fault)


def requests_seen(simulator: SimulatorProcess, method: str) -> list[dict[str, Any]]:
    return [r for r in simulator.control("GET", "/log?since=0") if r["method"] == method]
