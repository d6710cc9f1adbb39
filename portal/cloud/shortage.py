"""A write that Azure refused for want of quota: its own numbers, read again before anybody is told.

`InsufficientQuota` may come from a count that is minutes old, and `715-123420` names no cause at
all: it is reported for short quota, for want of capacity in the region and for subscriptions that
Azure holds back. Four reads, in a case that is rare; one that fails leaves the error as it was.
"""

from dataclasses import dataclass
from datetime import timedelta

from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from portal.cloud.errors import azure_errors
from portal.cloud.inventory import read_model_skus, read_quotas
from portal.cloud.mapping import deployment_seen, region_name
from portal.cloud.reasons import OPAQUE_QUOTA_CODE
from portal.cloud.resource_ids import DeploymentId
from portal.cloud.sentences import QUOTA_FORM
from portal.kernel.errors import CloudError, CloudReason
from quotas.gateway import DeploymentSeen, QuotaSeen

# The region and the pool change too rarely to be worth a wait; another try comes anyway.
DOUBTFUL_RETRY = timedelta(minutes=5)


@dataclass(frozen=True)
class Shortage:
    """A pool as Azure counts it now, and the units that the write would have added to it.

    `more_units` is None where the write is not known any more (a poll).
    """

    quota: QuotaSeen
    more_units: int | None

    @property
    def free_units(self) -> int:
        return max(0, self.quota.limit_units - self.quota.used_units)

    @property
    def is_refuted(self) -> bool:
        """Azure's own numbers leave room for the write."""
        return self.more_units is not None and self.free_units >= self.more_units


def with_numbers(
    error: CloudError,
    arm: CognitiveServicesManagementClient,
    parts: DeploymentId,
    *,
    doing: str,
    units: int | None,
) -> CloudError:
    """The same refusal with Azure's numbers in its sentence; any other error as it is.

    `doing` completes "Azure would not …"; `units` are those asked for, None where not known.

    An opaque code that the numbers refute is no longer called a lack of quota (UNKNOWN).
    """
    if error.reason is not CloudReason.INSUFFICIENT_QUOTA:
        return error
    try:
        found = _read(arm, parts, units)
    except CloudError:
        return error
    return _told(error, found, doing) if found else error


def _read(
    arm: CognitiveServicesManagementClient, parts: DeploymentId, units: int | None
) -> Shortage | None:
    with azure_errors(f"read {parts.words}"):
        account = arm.accounts.get(parts.resource_group, parts.account)
        found = arm.deployments.get(parts.resource_group, parts.account, parts.deployment)
        deployment, region = deployment_seen(found), region_name(account.location)
    usage_name = _pool_of(deployment, arm, region)
    rows = [
        row
        for row in read_quotas(arm, parts.subscription_id, region)
        if row.usage_name.lower() == usage_name
    ]
    if not rows:
        return None
    tightest = min(rows, key=lambda row: row.limit_units - row.used_units)
    return Shortage(tightest, None if units is None else units - deployment.capacity_units)


def _pool_of(
    deployment: DeploymentSeen, arm: CognitiveServicesManagementClient, region: str
) -> str:
    """The usage name in lower case, through the list of models: names are no rule."""
    for sku in read_model_skus(arm, region):
        if sku.sku_key == deployment.sku_key:
            return sku.usage_name.lower()
    return ""


def _told(error: CloudError, found: Shortage, doing: str) -> CloudError:
    quota = found.quota
    numbers = (
        f"Read again just now, its own numbers leave {found.free_units} of {quota.limit_units} "
        f"units in {quota.usage_name}"
    )
    refuted = found.is_refuted
    if refuted:
        sentence = (
            f"Azure would not {doing} and spoke of quota (code {error.azure_code}). "
            f"{numbers}, enough for the {found.more_units} more: a moment ago it may have been "
            "less, or the region has no capacity. It is tried again; if it lasts, ask Microsoft's "
            "support, naming the code."
        )
    else:
        needed = "" if found.more_units is None else f", and {found.more_units} more were needed"
        sentence = (
            f"Azure would not {doing}: the quota is too small. {numbers}{needed}. Ask "
            f"for less, free capacity in the pool, or ask Microsoft for more at {QUOTA_FORM}."
        )
    is_opaque = error.azure_code == OPAQUE_QUOTA_CODE
    return CloudError(
        CloudReason.UNKNOWN if refuted and is_opaque else error.reason,
        sentence,
        azure_code=error.azure_code,
        azure_message=error.azure_message,
        status=error.status,
        retry_after=error.retry_after or (DOUBTFUL_RETRY if refuted else None),
        maybe_applied=error.maybe_applied,
    )
