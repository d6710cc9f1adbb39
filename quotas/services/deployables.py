"""What Azure offers to deploy, kept as rows: a form may ask for it between two syncs."""

from dataclasses import dataclass

from quotas.gateway import Inventory, ModelSkuSeen
from quotas.models import DeployableModel, Pool
from quotas.services.feeds import PoolKey

Key = tuple[str, str, str, str, str]
FACTS = (
    "pool_id",
    "tokens_per_minute_per_unit",
    "requests_per_minute_per_unit",
    "minimum_units",
    "step_units",
)


@dataclass(frozen=True)
class Kept:
    """How many rows are new, were changed, and went away."""

    new: int
    changed: int
    gone: int


def keep_deployables(seen: Inventory, pools: dict[PoolKey, Pool]) -> Kept:
    """Writes only what differs. Fine-tuned models, and what no allocatable pool feeds, are not
    offered. A region whose models could not be read keeps what it had: nothing is concluded from
    silence.
    """
    read = {sku.region for sku in seen.model_skus}
    rows = DeployableModel.objects.filter(subscription_id=seen.subscription_id, region__in=read)
    known = {_key(row): row for row in rows}
    wanted = {
        _key(sku): _facts(sku, pool)
        for sku in seen.model_skus
        if (pool := _pool(sku, seen, pools)) and pool.is_allocatable and not sku.is_fine_tuned
    }
    new = [
        DeployableModel(subscription_id=seen.subscription_id, **_named(key), **facts)
        for key, facts in wanted.items()
        if key not in known
    ]
    changed = [
        _with(known[key], facts)
        for key, facts in wanted.items()
        if key in known and facts != {name: getattr(known[key], name) for name in FACTS}
    ]
    gone = [row.pk for key, row in known.items() if key not in wanted]
    DeployableModel.objects.bulk_create(new, batch_size=1_000)
    DeployableModel.objects.bulk_update(changed, FACTS, batch_size=1_000)
    DeployableModel.objects.filter(pk__in=gone).delete()
    return Kept(len(new), len(changed), len(gone))


def _key(row: DeployableModel | ModelSkuSeen) -> Key:
    return (row.region, row.model_format, row.model_name, row.model_version, row.sku_name)


def _named(key: Key) -> dict[str, str]:
    names = ("region", "model_format", "model_name", "model_version", "sku_name")
    return dict(zip(names, key, strict=True))


def _pool(sku: ModelSkuSeen, seen: Inventory, pools: dict[PoolKey, Pool]) -> Pool | None:
    return pools.get((seen.subscription_id, sku.region, sku.usage_name.lower()))


def _facts(sku: ModelSkuSeen, pool: Pool) -> dict[str, int | None]:
    values = (pool.pk, sku.rate.tokens_per_minute, sku.rate.requests_per_minute,
              sku.minimum_units, sku.step_units)  # fmt: skip
    return dict(zip(FACTS, values, strict=True))


def _with(row: DeployableModel, facts: dict[str, int | None]) -> DeployableModel:
    for name, value in facts.items():
        setattr(row, name, value)
    return row
