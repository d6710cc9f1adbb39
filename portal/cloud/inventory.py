"""Reads one subscription whole: accounts, deployments, quota rows, deployable models.

One account or region that cannot be read becomes a sentence, not the end of the sync: its
deployments are then unknown, not gone.
"""

from collections.abc import Iterable

from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from portal.cloud.errors import azure_errors
from portal.cloud.mapping import (
    account_seen,
    deployment_seen,
    merged_quotas,
    model_skus_seen,
    quota_seen,
)
from portal.cloud.policies import Paused
from portal.kernel.errors import CloudError
from quotas.gateway import AccountSeen, DeploymentSeen, Inventory, ModelSkuSeen, QuotaSeen


class InventoryReader:
    """One reading of one subscription, made anew for each sync."""

    def __init__(self, arm: CognitiveServicesManagementClient, subscription_id: str) -> None:
        self._arm = arm
        self._subscription_id = subscription_id
        self._problems: list[str] = []
        self._unreadable: list[str] = []
        self._was_held = False

    def read(self) -> Inventory:
        """Raises CloudError when not even the accounts can be listed."""
        accounts = read_accounts(self._arm, self._subscription_id)
        regions = sorted({account.region for account in accounts})
        return Inventory(
            subscription_id=self._subscription_id,
            accounts=accounts,
            deployments=tuple(d for account in accounts for d in self._deployments(account)),
            quotas=merged_quotas(q for region in regions for q in self._quotas(region)),
            model_skus=_once(s for region in regions for s in self._model_skus(region)),
            problems=tuple(self._problems),
            unreadable_accounts=tuple(self._unreadable),
        )

    def _deployments(self, account: AccountSeen) -> tuple[DeploymentSeen, ...]:
        try:
            return read_deployments(self._arm, account)
        except CloudError as error:
            self._unreadable.append(account.resource_id)
            self._note(error)
            return ()

    def _quotas(self, region: str) -> tuple[QuotaSeen, ...]:
        try:
            return read_quotas(self._arm, self._subscription_id, region)
        except CloudError as error:
            self._note(error)
            return ()

    def _model_skus(self, region: str) -> tuple[ModelSkuSeen, ...]:
        try:
            return read_model_skus(self._arm, region)
        except CloudError as error:
            self._note(error)
            return ()

    def _note(self, error: CloudError) -> None:
        """One sentence for all that a pause held back."""
        is_held = isinstance(error.__cause__, Paused)
        if not (is_held and self._was_held):
            self._problems.append(error.sentence)
        self._was_held = self._was_held or is_held


def read_accounts(
    arm: CognitiveServicesManagementClient, subscription_id: str
) -> tuple[AccountSeen, ...]:
    """The accounts that can hold deployments. Raises CloudError, as do the other three."""
    with azure_errors(f"list the accounts of subscription {subscription_id}"):
        seen = [account_seen(account) for account in arm.accounts.list()]
    return tuple(account for account in seen if account)


def read_deployments(
    arm: CognitiveServicesManagementClient, account: AccountSeen
) -> tuple[DeploymentSeen, ...]:
    """All deployments of one account."""
    with azure_errors(f"list the deployments of account {account.name}"):
        found = arm.deployments.list(account.resource_group, account.name)
        return tuple(deployment_seen(deployment) for deployment in found)


def read_quotas(
    arm: CognitiveServicesManagementClient, subscription_id: str, region: str
) -> tuple[QuotaSeen, ...]:
    """The quota rows that one region lists, shared ones not merged with other regions' yet."""
    with azure_errors(f"list the quotas of region {region}"):
        seen = [quota_seen(row, subscription_id, region) for row in arm.usages.list(region)]
    return tuple(row for row in seen if row)


def read_model_skus(
    arm: CognitiveServicesManagementClient, region: str
) -> tuple[ModelSkuSeen, ...]:
    """What can be deployed in one region; Azure may list the same for each kind of account."""
    with azure_errors(f"list the models of region {region}"):
        return tuple(
            sku for model in arm.models.list(region) for sku in model_skus_seen(model, region)
        )


def _once(skus: Iterable[ModelSkuSeen]) -> tuple[ModelSkuSeen, ...]:
    """Azure lists a model once per kind of account; the first row of each deployable stays."""
    first: dict[tuple[bool, tuple[str, ...]], ModelSkuSeen] = {}
    for sku in skus:
        key = (sku.region, sku.model_format, sku.model_name, sku.model_version, sku.sku_name)
        first.setdefault((sku.is_fine_tuned, tuple(part.lower() for part in key)), sku)
    return tuple(first.values())
