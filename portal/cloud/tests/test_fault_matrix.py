"""Every call of the adapters against every fault of Azure, over real HTTPS, as tables.

A cell reads `reason ×sent`: what the `CloudError` says (`ok` where there is none) and how often
Azure saw the request while the fault lasted. `+` follows where the error hands on Azure's
Retry-After, `?` where the write may have happened. In every cell: nothing but a `CloudError`
escapes, its sentence has a full stop, no sleep is longer than 20 seconds, a write goes out once.

Why some cells are as they are. A throttling, a refusal or a silence ends a pull of metrics, any
other fault costs its query alone, and there are three. A log query that took too long (504) is not
repeated but halved, until five failures in a row pause the endpoint. A poll that went wrong says
nothing of the write, so it stays in doubt. A write that was answered with a bare 200 counts as
done: it is read back anyway. Without a token a write never leaves; the identity library tries four
times by itself. A policy that is not found is none, as its product is there.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from portal.cloud import clients, credentials
from portal.cloud.capacity import AzureCapacity
from portal.cloud.clients import arm_client
from portal.cloud.gateway_limits import AzureGatewayLimits
from portal.cloud.inventory import read_accounts, read_deployments, read_model_skus, read_quotas
from portal.cloud.logs import AzureCallers
from portal.cloud.metrics import AzureMetrics
from portal.cloud.retry import LONGEST_SLEEP_SECONDS
from portal.kernel.clock import real_now
from portal.kernel.errors import CloudError
from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.gateway import AccountSeen
from quotas.limits_gateway import ProductPolicy
from stack.simulator_process import SimulatorProcess

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai-east/providers"
    "/Microsoft.CognitiveServices/accounts/contoso-east"
)
CHAT = f"{ACCOUNT}/deployments/chat"
GATEWAY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-gateway/providers"
    "/Microsoft.ApiManagement/service/contoso-apim"
)
EAST = AccountSeen(ACCOUNT, SUBSCRIPTION, "rg-ai-east", "contoso-east", "eastus2", "OpenAI")
WAITS = {"429 short": 3, "429 long": 300, "429 until a date": 600, "504": 30}
OPERATION = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/operations/7"
RUNNING = {"status": 200, "body": {"status": "InProgress", "fieldOfTomorrow": [1]}}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
# Where Azure is made to be silent, and only there: a busy machine answers later than the first. The
# second is for calls beside the silent one, which have to be answered.
SHORT_READ_TIMEOUT_SECONDS, LIST_READ_TIMEOUT_SECONDS, SILENCE_SECONDS = 0.15, 0.5, 1.5

TABLE = """
fault            | reads          | metrics        | write          | poll             | token
429 short        | throttled ×4 + | throttled ×4 + | throttled ×1 + | throttled ×4 + ? | unknown ×4
429 long         | throttled ×1 + | throttled ×1 + | throttled ×1 + | throttled ×1 + ? | unknown ×4
429 until a date | throttled ×1 + | throttled ×1 + | throttled ×1 + | throttled ×1 + ? | unknown ×4
409              | conflict ×1    | conflict ×3    | conflict ×1    | conflict ×1 ?    | unknown ×1
500              | unknown ×4     | unknown ×12    | unknown ×1 ?   | unknown ×4 ?     | unknown ×4
502 in HTML      | unknown ×4     | unknown ×12    | unknown ×1 ?   | unknown ×4 ?     | unknown ×4
504              | timeout ×4     | timeout ×4     | timeout ×1 ?   | timeout ×4 ?     | unknown ×4
timeout          | timeout ×4     | timeout ×4     | timeout ×1 ?   | timeout ×4 ?     | unknown ×4
dropped before   | timeout ×4     | timeout ×4     | timeout ×1 ?   | timeout ×4 ?     | unknown ×4
dropped mid-body | timeout ×4     | timeout ×4     | timeout ×1 ?   | timeout ×4 ?     | unknown ×4
200, no JSON     | unknown ×1     | unknown ×3     | unknown ×1 ?   | unknown ×1 ?     | unknown ×1
200, a list      | unknown ×1     | unknown ×3     | unknown ×1 ?   | unknown ×1 ?     | unknown ×1
200, no fields   | unknown ×1     | unknown ×3     | ok ×1          | unknown ×1 ?     | unknown ×1
200, empty       | unknown ×1     | unknown ×3     | ok ×1          | unknown ×1 ?     | unknown ×1
401              | forbidden ×1   | forbidden ×1   | forbidden ×1   | forbidden ×1 ?   | unknown ×1
403              | forbidden ×1   | forbidden ×1   | forbidden ×1   | forbidden ×1 ?   | unknown ×1
404              | not_found ×1   | not_found ×3   | not_found ×1   | not_found ×1 ?   | unknown ×1
unknown fields   | ok ×1          | ok ×3          | ok ×1          | ok ×1            | ok ×1
"""
LOGS_TABLE = """
fault            | logs
429 short        | throttled ×4 +
429 long         | throttled ×1 +
429 until a date | throttled ×1 +
409              | conflict ×1
500              | unknown ×4
502 in HTML      | unknown ×4
504              | timeout ×5 +
timeout          | timeout ×4
dropped before   | timeout ×4
dropped mid-body | timeout ×4
200, no JSON     | unknown ×1
200, a list      | unknown ×1
200, no fields   | unknown ×1
200, empty       | unknown ×1
401              | forbidden ×1
403              | forbidden ×1
404              | not_found ×1
unknown fields   | ok ×1
"""
# Policies go the same way as deployments; here is what differs, and what a write leaves in doubt.
GATEWAY_TABLE = """
fault            | read policy    | write policy
429 long         | throttled ×1 + | throttled ×1 +
500              | unknown ×4     | unknown ×1 ?
dropped mid-body | timeout ×4     | timeout ×1 ?
200, no fields   | unknown ×1     | unknown ×1 ?
404              | ok ×1          | not_found ×1
unknown fields   | ok ×1          | ok ×1
"""


def refused(status: int, code: str, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"error": {"code": code, "message": "No."}}
    return {"status": status, "body": body, "headers": named}


def in_ten_minutes() -> str:
    return format_datetime(real_now() + timedelta(minutes=10), usegmt=True)


FAULTS: dict[str, Callable[[], dict[str, Any]]] = {
    "429 short": lambda: refused(429, "TooManyRequests", Retry_After="3"),
    "429 long": lambda: refused(429, "TooManyRequests", Retry_After="300"),
    "429 until a date": lambda: refused(429, "TooManyRequests", Retry_After=in_ten_minutes()),
    "409": lambda: refused(409, "RequestConflict"),
    "500": lambda: refused(500, "InternalServerError"),
    "502 in HTML": lambda: {"status": 502, "body": "<html>Bad gateway</html>"},
    "504": lambda: refused(504, "GatewayTimeout"),
    "timeout": lambda: {"delay_seconds": SILENCE_SECONDS},
    "dropped before": lambda: {"drop": "before"},
    "dropped mid-body": lambda: {"drop": "mid"},
    "200, no JSON": lambda: {"status": 200, "body_base64": "eyJ2YWx1ZSI6IFs=",
                             "content_type": "application/json"},
    "200, no fields": lambda: {"status": 200, "body": {}},
    "200, empty": lambda: {"status": 200, "body_base64": ""},
    "200, a list": lambda: {"status": 200, "body": []},
    "401": lambda: refused(401, "InvalidAuthenticationToken"),
    "403": lambda: refused(403, "AuthorizationFailed"),
    "404": lambda: refused(404, "ResourceNotFound"),
    "unknown fields": lambda: {"change": {"unknown_fields": True}},
}  # fmt: skip


def write() -> object:
    return AzureCapacity().begin_write(
        CHAT, sku_name="GlobalStandard", units=110, request_id="change-7"
    )


def pull() -> object:
    return AzureMetrics().pull(
        subscription_id=SUBSCRIPTION,
        region="eastus2",
        account_resource_ids=[ACCOUNT],
        window=Window(NOON - 2 * HOUR, NOON - HOUR),
        grain=MINUTE,
    )


def pull_callers() -> object:
    return AzureCallers().pull(
        workspace_id="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        window=Window(NOON - 2 * HOUR, NOON - HOUR),
    )


def write_policy() -> object:
    policy = read_policy()
    assert policy
    return AzureGatewayLimits().write_product_policy(
        GATEWAY, "internal", policy.xml, etag=policy.etag
    )


def read_policy() -> ProductPolicy | None:
    return AzureGatewayLimits().read_product_policy(GATEWAY, "internal")


# call → (which requests the fault hits, the call itself)
READS: dict[str, tuple[str, Callable[[], object]]] = {
    "accounts": ("/accounts", lambda: read_accounts(arm_client(SUBSCRIPTION), SUBSCRIPTION)),
    "deployments": ("/deployments", lambda: read_deployments(arm_client(SUBSCRIPTION), EAST)),
    "usages": ("/usages", lambda: read_quotas(arm_client(SUBSCRIPTION), SUBSCRIPTION, "eastus2")),
    "models": ("/models", lambda: read_model_skus(arm_client(SUBSCRIPTION), "eastus2")),
    "read": ("/deployments/chat", lambda: AzureCapacity().read(CHAT)),
}
CALLS = READS | {
    "metrics": ("metrics:getBatch", pull),
    "logs": ("POST /v1/workspaces", pull_callers),
    "write": ("PATCH ", write),
    "read policy": ("/policies/policy", read_policy),
    "write policy": ("PUT ", write_policy),
    "token": ("/msi/token", write),
}


def expected() -> Iterator[tuple[str, str, str]]:
    """(fault, call, cell) of every cell; `reads` stands for five calls."""
    for table in (TABLE, LOGS_TABLE, GATEWAY_TABLE):
        head, *rows = (
            [part.strip() for part in row.split("|")] for row in table.split("\n") if row
        )
        assert table is GATEWAY_TABLE or {row[0] for row in rows} == set(FAULTS)
        for fault, *cells in rows:
            for column, cell in zip(head[1:], cells, strict=True):
                for call in READS if column == "reads" else [column]:
                    yield fault, call, cell


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What any transport was told to sleep; nobody really does."""
    slept: list[float] = []
    monkeypatch.setattr(RequestsTransport, "sleep", lambda _, seconds: slept.append(seconds))
    return slept


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short one where the fault is a silence; all others are answered, however late."""
    params = request.node.callspec.params
    if params["fault"] == "timeout":
        short = LIST_READ_TIMEOUT_SECONDS if "listed" in params else SHORT_READ_TIMEOUT_SECONDS
        monkeypatch.setattr(clients, "READ_TIMEOUT_SECONDS", short)
        monkeypatch.setattr(credentials, "TOKEN_READ_TIMEOUT_SECONDS", short)


def outcome(call: Callable[[], object]) -> tuple[str, CloudError | None]:
    """The cell without its count."""
    try:
        call()
    except CloudError as error:
        waits = " +" if error.retry_after else ""
        return f"{error.reason}{{}}{waits}{' ?' if error.maybe_applied else ''}", error
    return "ok{}", None


def sent(simulator: SimulatorProcess, match: str) -> int:
    rows = simulator.control("GET", "/log?since=0")
    return sum(match.strip() in f"{row['method']} {row['path']}" for row in rows)


def play(simulator: SimulatorProcess, fault: str, match: str) -> None:
    simulator.control("DELETE", "/log")
    planned = FAULTS[fault]()
    if match == OPERATION and "status" not in planned:
        planned = RUNNING | {name: value for name, value in planned.items() if name != "change"}
    simulator.control("POST", "/faults", {**planned, "match": match, "times": 0})


@pytest.mark.parametrize(("fault", "call", "cell"), list(expected()))
def test_the_matrix(
    simulator: SimulatorProcess, sleeps: list[float], fault: str, call: str, cell: str
) -> None:
    if call == "poll":
        match, act = begun_poll(simulator)
    else:
        match, act = CALLS[call]
    play(simulator, fault, match)
    told, error = outcome(act)
    assert told.format(f" ×{sent(simulator, match)}") == cell
    assert max(sleeps, default=0) <= LONGEST_SLEEP_SECONDS
    went_out = call == "write" or (call == "token" and error is None)
    assert sent(simulator, "PATCH ") == went_out
    if error is None:
        return
    assert error.sentence.endswith(".")
    if error.retry_after:
        assert error.retry_after.total_seconds() == pytest.approx(WAITS[fault], abs=3)


def begun_poll(simulator: SimulatorProcess) -> tuple[str, Callable[[], object]]:
    """A write that Azure took on and that runs; what is asked about it is answered by `play`."""
    address = simulator.environment["AZURE_ARM_ENDPOINT"] + OPERATION
    headers = {"Azure-AsyncOperation": address, "Retry-After": "5"}
    simulator.control(
        "POST", "/faults", {"match": "PATCH ", "status": 202, "body": {}, "headers": headers}
    )
    operation = write().operation  # type: ignore[attr-defined]
    assert operation
    return OPERATION, lambda: AzureCapacity().poll(CHAT, operation, request_id="change-7")


# ── What one fault leaves of the rest ────────────────────────────────────────────────────────

OF_THE_EAST = {
    "deployments": "contoso-east/deployments",
    "usages": "eastus2/usages",
    "models": "eastus2/models",
}
HOLDS_ALL = {"429 long", "429 until a date"}


@pytest.mark.parametrize("listed", OF_THE_EAST)
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - HOLDS_ALL - {"unknown fields"}))
def test_a_list_that_fails_costs_itself_alone(
    simulator: SimulatorProcess, sleeps: list[float], fault: str, listed: str
) -> None:
    whole = AzureCapacity().inventory(SUBSCRIPTION)
    play(simulator, fault, OF_THE_EAST[listed])
    found = AzureCapacity().inventory(SUBSCRIPTION)
    [problem] = found.problems
    assert OF_THE_EAST[listed].split("/")[0] in problem
    assert found.accounts == whole.accounts
    is_lost = {
        "deployments": {d for d in whole.deployments if d.account_resource_id == ACCOUNT},
        "usages": {q for q in whole.quotas if q.region == "eastus2"},
        "models": {s for s in whole.model_skus if s.region == "eastus2"},
    }[listed]
    assert is_lost
    kept = {*found.deployments, *found.quotas, *found.model_skus}
    assert kept == {*whole.deployments, *whole.quotas, *whole.model_skus} - is_lost
    assert found.unreadable_accounts == ((ACCOUNT,) if listed == "deployments" else ())


@pytest.mark.parametrize("fault", sorted(HOLDS_ALL))
def test_a_long_wait_holds_back_the_rest_which_is_then_unknown_not_gone(
    simulator: SimulatorProcess, sleeps: list[float], fault: str
) -> None:
    play(simulator, fault, OF_THE_EAST["deployments"])
    found = AzureCapacity().inventory(SUBSCRIPTION)
    assert set(found.unreadable_accounts) == {each.resource_id for each in found.accounts}
    assert (found.deployments, found.quotas, found.model_skus) == ((), (), ())
    throttled, held = found.problems
    assert "too many calls" in throttled
    assert "asked the portal to wait" in held
    assert sent(simulator, "GET /subscriptions") == 2  # the accounts, and what was throttled
