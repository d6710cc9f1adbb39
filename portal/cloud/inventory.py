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
from portal.kernel.errors import CloudError
from quotas.gateway import AccountSeen, DeploymentSeen, Inventory, ModelSkuSeen, QuotaSeen


class InventoryReader:
    """One reading of one subscription, made anew for each sync."""

    def __init__(self, arm: CognitiveServicesManagementClient, subscription_id: str) -> None:
        self._arm = arm
        self._subscription_id = subscription_id
        self._problems: list[str] = []
        self._unreadable: list[str] = []

    def read(self) -> Inventory:
        """Raises CloudError when not even the accounts can be listed."""
        accounts = self._accounts()
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

    def _accounts(self) -> tuple[AccountSeen, ...]:
        with azure_errors(f"list the accounts of subscription {self._subscription_id}"):
            seen = [account_seen(account) for account in self._arm.accounts.list()]
        return tuple(account for account in seen if account)

    def _deployments(self, account: AccountSeen) -> list[DeploymentSeen]:
        try:
            with azure_errors(f"list the deployments of account {account.name}"):
                found = self._arm.deployments.list(account.resource_group, account.name)
                return [deployment_seen(deployment) for deployment in found]
        except CloudError as error:
            self._problems.append(error.sentence)
            self._unreadable.append(account.resource_id)
            return []

    def _quotas(self, region: str) -> list[QuotaSeen]:
        try:
            with azure_errors(f"list the quotas of region {region}"):
                rows = self._arm.usages.list(region)
                seen = [quota_seen(row, self._subscription_id, region) for row in rows]
        except CloudError as error:
            self._problems.append(error.sentence)
            return []
        return [row for row in seen if row]

    def _model_skus(self, region: str) -> list[ModelSkuSeen]:
        try:
            with azure_errors(f"list the models of region {region}"):
                models = self._arm.models.list(region)
                return [sku for model in models for sku in model_skus_seen(model, region)]
        except CloudError as error:
            self._problems.append(error.sentence)
            return []


def _once(skus: Iterable[ModelSkuSeen]) -> tuple[ModelSkuSeen, ...]:
    """Azure lists a model once per kind of account; the first row of each deployable stays."""
    first: dict[tuple[str, ...], ModelSkuSeen] = {}
    for sku in skus:
        key = (sku.region, sku.model_format, sku.model_name, sku.model_version, sku.sku_name)
        first.setdefault(tuple(part.lower() for part in key), sku)
    return tuple(first.values())
