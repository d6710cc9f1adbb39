"""The right to write, tried on one named deployment: its present capacity is set again.

The write is the portal's own (one PATCH, sent at most once, read back before and after); the
number in it is the one that is there, so nothing changes when it succeeds.
"""

import time

from portal.cloud.capacity import AzureCapacity
from portal.cloud.doctor import rights
from portal.cloud.doctor.refusals import refused
from portal.cloud.doctor.rights import Right
from portal.cloud.resource_ids import DeploymentId, deployment_id
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.findings import Finding, failed, not_tried, warning, well
from quotas.gateway import DeploymentSeen

CHECK = "azure.write"
# Shorter than the lease of an account, so that no other writer takes it in the middle.
LONGEST_WAIT_SECONDS = 45.0


def examine_write(resource_id: str, *, request_id: str) -> Finding:
    """`request_id` appears in Azure's logs. Never raises CloudError."""
    parts = deployment_id(resource_id)
    gateway, scope = AzureCapacity(), f"subscription {parts.subscription_id}"
    step = _Step("read", rights.DEPLOYMENTS)
    try:
        before = gateway.read(resource_id)
        if before.provisioning_state.lower() != "succeeded":
            sentence = f"{_named(parts)} is busy in Azure (“{before.provisioning_state}”)."
            return not_tried(CHECK, sentence, resource_id)
        ended = _write(gateway, before, request_id, step)
        after = gateway.read(resource_id)
    except CloudError as error:
        if error.reason is CloudReason.CONFLICT and step.right is rights.WRITE:
            return _busy(parts, resource_id, error)
        doing = f"{step.verb} {parts.words}"
        return refused(CHECK, doing, error, subject=resource_id, right=step.right, scope=scope)
    return _verdict(before, after, ended=ended, parts=parts)


class _Step:
    """Which call is under way: it decides which right a refusal is about."""

    def __init__(self, verb: str, right: Right) -> None:
        self.verb, self.right = verb, right


def _write(
    gateway: AzureCapacity,
    before: DeploymentSeen,
    request_id: str,
    step: _Step,
) -> bool:
    """Whether it ended in time."""
    step.verb, step.right = "set the capacity again of", rights.WRITE
    answer = gateway.begin_write(
        before.resource_id,
        sku_name=before.sku_name,
        units=before.capacity_units,
        request_id=request_id,
    )
    step.verb, step.right = "follow the write to", rights.OPERATIONS
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not answer.done:
        pause = answer.retry_after.total_seconds()
        if time.monotonic() + pause > deadline:
            return False
        time.sleep(pause)
        answer = gateway.poll(before.resource_id, answer.operation, request_id=request_id)
    return True


def _busy(parts: DeploymentId, resource_id: str, error: CloudError) -> Finding:
    return warning(
        CHECK,
        f"{_named(parts)}: another change is running on its account ({error.azure_code}).",
        resource_id,
        fix="Try again in a minute.",
        azure_code=error.azure_code,
        status=error.status,
    )


def _verdict(
    before: DeploymentSeen, after: DeploymentSeen, *, ended: bool, parts: DeploymentId
) -> Finding:
    facts = {"units_before": before.capacity_units, "units_after": after.capacity_units}
    subject, units = before.resource_id, before.capacity_units
    if after.capacity_units != units:
        return failed(
            CHECK,
            f"{_named(parts)} had {units} units before the write, and now {after.capacity_units}.",
            subject,
            fix="Somebody changed it meanwhile: look at Changes and at Azure's activity log.",
            **facts,
        )
    if not ended:
        sentence = f"{_named(parts)}: the write was let in, but has not ended yet."
        return warning(CHECK, sentence, subject, fix="Look again in some minutes.", **facts)
    sentence = f"{_named(parts)}: its {units} units were set again and read back; nothing changed."
    return well(CHECK, sentence, subject, **facts)


def _named(parts: DeploymentId) -> str:
    return f"Deployment {parts.deployment} of account {parts.account}"
