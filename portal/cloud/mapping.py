"""What the ARM client returns, as the plain values of `quotas.gateway`: no calls, no settings.

Azure sends limits as floats and keeps some fields where this SDK version has no attribute for them
(`additional_properties`): the scope of a quota row, the key of a SKU's rate limit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from azure.mgmt.cognitiveservices import models as azure

from portal.cloud.resource_ids import account_id
from portal.kernel.units import UnitRate, per_minute
from quotas.domain.model_register import Life
from quotas.domain.region_capacity import Available
from quotas.domain.residency import Place
from quotas.gateway import AccountSeen, DeploymentSeen, ModelSkuSeen, QuotaSeen

# The kinds of account that host model deployments.
HOSTING_KINDS = {"openai": "OpenAI", "aiservices": "AIServices"}
FINE_TUNED_POOL = "-finetune"
# Quota rows of one of these scopes are one pool, however many regions list it.
SHARED_SCOPES = frozenset({"global", "datazone"})


def region_name(location: str | None) -> str:
    """`East US 2` and `eastus2` are the same region."""
    return (location or "").replace(" ", "").lower()


def account_seen(account: azure.Account) -> AccountSeen | None:
    """None for the kinds that host no deployments (speech, vision, …)."""
    kind = HOSTING_KINDS.get((account.kind or "").lower())
    if kind is None:
        return None
    parts = account_id(account.id or "")
    properties = account.properties or azure.AccountProperties()
    return AccountSeen(
        resource_id=account.id or "",
        subscription_id=parts.subscription_id,
        resource_group=parts.resource_group,
        name=account.name or parts.account,
        region=region_name(account.location),
        kind=kind,
        subdomain=(properties.custom_sub_domain_name or "").lower(),
        tags=_tags(account.tags),
    )


def deployment_seen(deployment: azure.Deployment) -> DeploymentSeen:
    """`capacity_units` is the SKU's capacity: what was last asked for, and what quota counts.

    Raises ValueError for something that is no deployment.
    """
    if not deployment.id:
        # The SDK makes an empty object of any other JSON, and its nought units would be believed.
        raise ValueError("a deployment without an id")
    properties = deployment.properties or azure.DeploymentProperties()
    model = properties.model or azure.DeploymentModel()
    sku, resource_id = deployment.sku or azure.Sku(name=""), deployment.id
    rate = _rate(properties.rate_limits or ())
    created = deployment.system_data.created_at if deployment.system_data else None
    return DeploymentSeen(
        resource_id=resource_id,
        account_resource_id=resource_id.rpartition("/deployments/")[0],
        name=deployment.name or resource_id.rpartition("/")[2],
        model_format=model.format or "",
        model_name=model.name or "",
        model_version=model.version or "",
        sku_name=sku.name or "",
        capacity_units=sku.capacity or 0,
        provisioning_state=str(properties.provisioning_state or ""),
        etag=deployment.etag or "",
        tokens_per_minute=rate.tokens_per_minute,
        requests_per_minute=rate.requests_per_minute,
        spillover_deployment_name=properties.spillover_deployment_name or "",
        created_at=created.astimezone(UTC) if created else None,
        tags=_tags(deployment.tags),
    )


def _tags(tags: Mapping[str, str | None] | None) -> dict[str, str]:
    """A tag without a value says nothing."""
    return {name: value for name, value in (tags or {}).items() if value}


def quota_seen(usage: azure.Usage, subscription_id: str, region: str) -> QuotaSeen | None:
    """One row of a region's usages; None for one without a name, a limit or a use: no nought."""
    if usage.name is None or not usage.name.value:
        return None
    if usage.limit is None or usage.current_value is None:
        return None
    more = usage.additional_properties or {}
    return QuotaSeen(
        subscription_id=subscription_id,
        region=region,
        scope_type=str(more.get("scopeType") or ""),
        scope_id=str(more.get("scopeId") or ""),
        usage_name=usage.name.value,
        limit_units=int(usage.limit),
        used_units=int(usage.current_value),
        regions=(region,),
    )


def merged_quotas(rows: Iterable[QuotaSeen]) -> tuple[QuotaSeen, ...]:
    """One row per pool: a global or data-zone pool is listed by each region, and counts once.

    The row of the first region stays; where two regions do not agree (one answered a moment
    later), the smaller limit and the larger use do, so that nothing is promised twice.
    """
    merged: dict[tuple[str, ...], QuotaSeen] = {}
    for row in rows:
        key = _pool_key(row)
        first = merged.get(key)
        merged[key] = _careful(first, row) if first else row
    return tuple(merged.values())


def _pool_key(row: QuotaSeen) -> tuple[str, ...]:
    if row.scope_type.lower() in SHARED_SCOPES:
        return (row.scope_type.lower(), row.scope_id.lower(), row.usage_name.lower())
    return (row.region, row.scope_id.lower(), row.usage_name.lower())


def _careful(first: QuotaSeen, other: QuotaSeen) -> QuotaSeen:
    return replace(
        first,
        limit_units=min(first.limit_units, other.limit_units),
        used_units=max(first.used_units, other.used_units),
        regions=(*first.regions, *other.regions),
    )


def model_skus_seen(model: azure.Model, region: str) -> Iterable[ModelSkuSeen]:
    """The deployable SKUs of one model version, for the kinds of account that host deployments.

    A model that can be fine-tuned has a second row of the same SKU, whose pool serves fine-tuned
    deployments only (they carry a model name of their own).
    """
    described = model.model
    if described is None or (model.kind or "").lower() not in HOSTING_KINDS:
        return
    for sku in described.skus or ():
        capacity = sku.capacity or azure.CapacityConfig()
        yield ModelSkuSeen(
            region=region,
            model_format=described.format or "",
            model_name=described.name or "",
            model_version=described.version or "",
            sku_name=sku.name or "",
            usage_name=sku.usage_name or "",
            minimum_units=capacity.minimum,
            maximum_units=capacity.maximum,
            step_units=capacity.step,
            rate=_rate(sku.rate_limits or ()),
            is_fine_tuned=(sku.usage_name or "").lower().endswith(FINE_TUNED_POOL),
            life=_life(described, sku),
        )


def _life(model: azure.AccountModel, sku: azure.ModelSku) -> Life:
    """The date of the deployment type, else of the model; only `Planned` is more than a guess."""
    deprecation = model.deprecation or azure.ModelDeprecationInfo()
    replacement = model.replacement_config or azure.ReplacementConfig()
    names = (replacement.target_model_name, replacement.target_model_version)
    return Life(
        lifecycle=str(model.lifecycle_status or ""),
        retires_at=_aware(sku.deprecation_date) or _moment(deprecation.inference),
        is_planned=str(deprecation.deprecation_status or "").lower() == "planned",
        successor=" ".join(name for name in names if name),
    )


def _aware(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def _moment(text: str | None) -> datetime | None:
    """None for what is no time: a date that is not understood is not known."""
    try:
        return _aware(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None


def available_seen(row: azure.ModelCapacityListResultValueItem) -> Available | None:
    """None for a row without a number, a SKU or a region: no nought."""
    found = row.properties
    if found is None or found.available_capacity is None or not found.sku_name or not row.location:
        return None
    return Available(
        Place(found.sku_name, region_name(row.location)), int(found.available_capacity)
    )


def _rate(limits: Iterable[Any]) -> UnitRate:
    """Tokens and requests per minute of a list of rate limits; None for what it does not name."""
    found: dict[str, int] = {}
    for limit in limits:
        key = getattr(limit, "key", None) or (limit.additional_properties or {}).get("key")
        if key and limit.count is not None and (limit.renewal_period or 0) > 0:
            found[str(key).lower()] = per_minute(limit.count, limit.renewal_period)
    return UnitRate(tokens_per_minute=found.get("token"), requests_per_minute=found.get("request"))
