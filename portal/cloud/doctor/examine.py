"""All checks of the Azure side, in the order in which one would look by hand.

Cloud, network and clock need no identity; tokens need no role; reading needs roles; writing is
tried only where a deployment is named.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from shlex import quote

from portal.cloud.clients import build_arm_client, cloud
from portal.cloud.credentials import CONNECT_TIMEOUT_SECONDS, credential
from portal.cloud.doctor import identity, writing
from portal.cloud.doctor.cloud_match import examine_cloud
from portal.cloud.doctor.gateway_logs import examine_logs
from portal.cloud.doctor.reach import Reach, clock_finding
from portal.cloud.doctor.seen import Seen
from portal.cloud.doctor.subscriptions import examine_subscription
from portal.cloud.endpoints import PLANE_WORDS, Plane, arm_endpoint
from portal.cloud.transport import transport
from portal.kernel.findings import Finding, Outcome, not_tried

# An answer that takes longer counts as none: a person is waiting.
READ_TIMEOUT_SECONDS = 20
ANY_CALL = "/subscriptions?api-version=2022-12-01"  # answered with 401, as no token is sent
# Given a deployment's id: enters with "" where it may be written to, else with why not.
Guard = Callable[[str], AbstractContextManager[str]]


@dataclass
class _Doors:
    """What the first checks have opened for the later ones."""

    arm_is_reached: bool = False
    has_arm_token: bool = False
    has_metrics_token: bool = False

    @property
    def closed_because(self) -> str:
        if not self.arm_is_reached:
            return "Azure Resource Manager is not reached"
        return "" if self.has_arm_token else "there is no token"


def examine_azure(
    subscription_ids: Iterable[str],
    *,
    workspace_ids: Iterable[str],
    at: datetime,
    write: str,
    request_id: str,
    guard: Guard,
) -> Iterator[Finding]:
    """One finding after the other, each as its check ends. Raises nothing that Azure causes.

    `workspace_ids` are those of gateway logs; `write` is the resource id of the one deployment that
    may be written to, "" for none.
    """
    doors, all_seen = _Doors(), [Seen(subscription_id) for subscription_id in subscription_ids]
    yield examine_cloud()
    yield from _network(doors)
    yield from _tokens(doors)
    if doors.closed_because:
        yield not_tried("azure.accounts", f"Subscriptions not read: {doors.closed_because}.")
    else:
        for seen in all_seen:
            yield from _subscription(seen, doors, at)
    yield from examine_logs(workspace_ids, at=at)
    if write:
        yield _write(write, doors, request_id, guard)
    else:
        yield _no_write(all_seen)


def _network(doors: _Doors) -> Iterator[Finding]:
    endpoint = arm_endpoint()
    reached, ahead = Reach("azure.reach_arm", endpoint, endpoint.words, ANY_CALL).attempt()
    doors.arm_is_reached = reached.outcome is Outcome.OK
    yield reached
    if doors.arm_is_reached:
        yield clock_finding(ahead)


def _tokens(doors: _Doors) -> Iterator[Finding]:
    yield identity.examine_pin()
    finding, token = identity.examine_token(
        "azure.token_arm", PLANE_WORDS[Plane.ARM], cloud().arm_audience
    )
    doors.has_arm_token = bool(token)
    yield finding
    if token:
        yield identity.examine_claims(token)
    finding, token = identity.examine_token(
        "azure.token_metrics", PLANE_WORDS[Plane.METRICS], cloud().metrics_audience
    )
    doors.has_metrics_token = bool(token)
    yield finding


def _subscription(seen: Seen, doors: _Doors, at: datetime) -> Iterator[Finding]:
    sockets = transport(connect_seconds=CONNECT_TIMEOUT_SECONDS, read_seconds=READ_TIMEOUT_SECONDS)
    arm = build_arm_client(
        credential(), arm_endpoint().address, seen.subscription_id, transport=sockets
    )
    yield from examine_subscription(arm, seen, with_metrics=doors.has_metrics_token, at=at)


def _write(resource_id: str, doors: _Doors, request_id: str, guard: Guard) -> Finding:
    if doors.closed_because:
        return not_tried(writing.CHECK, f"Not written: {doors.closed_because}.", resource_id)
    with guard(resource_id) as why_not:
        if why_not:
            return not_tried(writing.CHECK, f"Not written: {why_not}.", resource_id)
        return writing.examine_write(resource_id, request_id=request_id)


def _no_write(all_seen: list[Seen]) -> Finding:
    """Which command would try it. Following a write cannot be tried without one."""
    deployments = [deployment for seen in all_seen for deployment in seen.deployments]
    smallest = min(deployments, key=lambda one: one.capacity_units, default=None)
    example = smallest.resource_id if smallest else ""
    return not_tried(
        writing.CHECK,
        "Writing, and following a long write (operationResults), were not tried. This sets the "
        "present capacity of one deployment again: "
        f"./headroom manage doctor --write {quote(example) if example else 'DEPLOYMENT-ID'}",
        example_deployment=example,
    )
