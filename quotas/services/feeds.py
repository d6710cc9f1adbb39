"""Which pool feeds a deployment, and what a unit of it gives: from the models of its region."""

from portal.kernel.units import UnitRate
from quotas.gateway import DeploymentSeen, ModelSkuSeen, QuotaSeen
from quotas.models import AzureAccount, Pool

# Subscription, region of the row, usage name in lower case: what a model's SKU names.
PoolKey = tuple[str, str, str]


def pool_keys(row: QuotaSeen) -> list[PoolKey]:
    """One key for each region that lists the row: a global pool feeds all of them."""
    regions = row.regions or (row.region,)
    return [(row.subscription_id, region, row.usage_name.lower()) for region in regions]


class Catalogue:
    """Which pool feeds a deployment, and what a unit of it gives: from the models of its region."""

    def __init__(self, model_skus: tuple[ModelSkuSeen, ...], pools: dict[PoolKey, Pool]) -> None:
        self.pools = pools
        self.skus = {(sku.region, sku.sku_key): sku for sku in model_skus}

    def sku_of(self, account: AzureAccount, row: DeploymentSeen) -> ModelSkuSeen | None:
        return self.skus.get((account.region, row.sku_key))

    def pool_of(self, account: AzureAccount, sku: ModelSkuSeen | None) -> Pool | None:
        if sku is None:
            return None
        return self.pools.get((account.subscription_id, account.region, sku.usage_name.lower()))


def rate_of(row: DeploymentSeen, sku: ModelSkuSeen | None) -> UnitRate:
    """Per unit: the limits in force ÷ capacity where they divide, else what the model's SKU
    states.
    """
    stated = sku.rate if sku else UnitRate(None, None)
    return UnitRate(
        _per_unit(row.tokens_per_minute, row.capacity_units) or stated.tokens_per_minute,
        _per_unit(row.requests_per_minute, row.capacity_units) or stated.requests_per_minute,
    )


def _per_unit(total: int | None, units: int) -> int | None:
    return total // units if total and units and total % units == 0 else None
