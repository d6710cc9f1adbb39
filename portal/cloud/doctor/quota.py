"""What the quota of a subscription is like: its regime, its tier, and whether pools are found.

Since May 2026 Azure moves models, one by one, from quota per region to quota shared by the whole
subscription (Global) or a data zone. A row says so in `scopeType`; where a row says nothing it is
taken for regional. Usage names are not built but looked up, so a deployment whose model names a
row that is not listed has no pool.
"""

from collections import Counter
from dataclasses import replace

from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from portal.cloud.doctor import rights
from portal.cloud.doctor.refusals import refused
from portal.cloud.doctor.seen import Seen
from portal.cloud.errors import azure_errors
from portal.cloud.mapping import SHARED_SCOPES, merged_quotas
from portal.kernel.errors import CloudError
from portal.kernel.findings import Finding, Outcome, not_tried, warning, well
from quotas.gateway import DeploymentSeen

NAMES_SHOWN = 3


def examine_regime(seen: Seen) -> Finding:
    """Regional pools, pools shared by regions, or both; and which names are shared."""
    check, subject = "azure.quota_regime", seen.subscription_id
    pools = merged_quotas(seen.quotas)
    if not pools:
        return not_tried(check, f"Regime of {seen.scope}: no quota was read.", subject)
    shared = [pool for pool in pools if pool.scope_type.lower() in SHARED_SCOPES]
    names = sorted({pool.usage_name for pool in shared})
    regional = len(pools) - len(shared)
    by_scope = Counter(pool.scope_type.lower() for pool in shared)
    is_named = any(pool.scope_type for pool in pools)
    if names:
        sentence = (
            f"Quota of {seen.scope}: {regional} regional rows, {by_scope['global']} for all "
            f"regions, {by_scope['datazone']} for a data zone; shared are {shortened(names)}."
        )
    else:
        silent = "" if is_named else "; no row names a scope"
        sentence = f"Quota of {seen.scope} is regional: {regional} rows{silent}."
    return well(
        check,
        sentence,
        subject,
        regional_rows=regional,
        global_rows=by_scope["global"],
        data_zone_rows=by_scope["datazone"],
        shared_usage_names=names,
        scope_is_named=is_named,
    )


def examine_tier(arm: CognitiveServicesManagementClient, seen: Seen) -> Finding:
    """The subscription's quota tier. The portal works without it, so a refusal is a warning."""
    check, subject = "azure.quota_tier", seen.subscription_id
    doing = f"read the quota tier of {seen.scope}"
    try:
        with azure_errors(doing):
            tiers = [tier.properties for tier in arm.quota_tiers.list_by_subscription()]
    except CloudError as error:
        if error.status == 404:
            return warning(check, f"Azure knows no quota tier of {seen.scope}.", subject, tier="")
        finding = refused(
            check, doing, error, subject=subject, right=rights.QUOTA_TIERS, scope=seen.scope
        )
        sentence = f"{finding.sentence.rstrip('.')}; nothing of the portal depends on it."
        return replace(finding, outcome=Outcome.WARNING, sentence=sentence)
    name = next((tier.current_tier_name for tier in tiers if tier and tier.current_tier_name), "")
    if not name:
        return warning(check, f"{seen.scope.capitalize()} names no quota tier.", subject, tier="")
    policy = str(tiers[0].tier_upgrade_policy or "")
    rises = "" if policy == "NoAutoUpgrade" else "; limits may rise by themselves"
    tier_name = name.replace("-", " ")  # Azure writes both "Tier 1" and "Tier-1"
    sentence = f"{seen.scope.capitalize()} is in quota tier “{tier_name}”{rises}."
    return well(check, sentence, subject, tier=tier_name, upgrade_policy=policy)


def examine_pools(seen: Seen) -> Finding:
    """Whether the model of each deployment names a quota row that its region lists."""
    check, subject = "azure.pools", seen.subscription_id
    if not seen.deployments:
        return not_tried(check, f"{seen.scope.capitalize()} has no deployment.", subject)
    lost = [one.name for one in seen.deployments if not _has_pool(seen, one)]
    count = len(seen.deployments)
    if not lost:
        sentence = f"Each of the {count} deployments of {seen.scope} finds its quota pool."
        return well(check, sentence, subject, deployments=count, without_pool=[])
    return warning(
        check,
        f"{len(lost)} of the {count} deployments of {seen.scope} find no quota pool: "
        f"{shortened(lost)}.",
        subject,
        fix="They are shown, but not shared: their model or SKU is not in Azure's lists any more.",
        deployments=count,
        without_pool=lost,
    )


def _has_pool(seen: Seen, deployment: DeploymentSeen) -> bool:
    region_of = {one.resource_id.lower(): one.region for one in seen.accounts}
    region = region_of.get(deployment.account_resource_id.lower(), "")
    wanted = (deployment.model_name, deployment.model_version, deployment.sku_name)
    names = {
        sku.usage_name.lower()
        for sku in seen.model_skus
        if sku.region == region and _same((sku.model_name, sku.model_version, sku.sku_name), wanted)
    }
    return any(q.region == region and q.usage_name.lower() in names for q in seen.quotas)


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return [part.lower() for part in one] == [part.lower() for part in other]


def shortened(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMES_SHOWN
    shown = ", ".join(names[:NAMES_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
