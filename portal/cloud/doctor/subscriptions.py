"""One subscription: every list that the inventory reads, each tried and told apart.

The same functions read that read for the portal (`portal.cloud.inventory`), so what is well here
is well there.
"""

from collections.abc import Iterator
from datetime import datetime

from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from portal.cloud import inventory
from portal.cloud.doctor import rights
from portal.cloud.doctor.quota import examine_pools, examine_regime, examine_tier
from portal.cloud.doctor.refusals import refused
from portal.cloud.doctor.seen import Seen
from portal.cloud.doctor.usage import examine_metrics
from portal.kernel.errors import CloudError
from portal.kernel.findings import Finding, not_tried, warning, well
from quotas.gateway import AccountSeen

# Enough to find a right that is missing; the inventory sync reads them all.
ACCOUNTS_TRIED = 20


def examine_subscription(
    arm: CognitiveServicesManagementClient, seen: Seen, *, with_metrics: bool, at: datetime
) -> Iterator[Finding]:
    """`seen` is filled on the way. Metrics are asked for the hour before `at`."""
    yield _accounts(arm, seen)
    if not seen.accounts:
        return
    yield from _deployments(arm, seen)
    for region in seen.regions:
        yield _usages(arm, seen, region)
        yield _models(arm, seen, region)
    yield examine_regime(seen)
    yield examine_tier(arm, seen)
    if seen.complete:
        yield examine_pools(seen)
    for region in seen.regions:
        yield examine_metrics(seen, region, has_token=with_metrics, at=at)


def _accounts(arm: CognitiveServicesManagementClient, seen: Seen) -> Finding:
    check, subject = "azure.accounts", seen.subscription_id
    try:
        seen.accounts = inventory.read_accounts(arm, seen.subscription_id)
    except CloudError as error:
        doing = f"list the accounts of {seen.scope}, so nothing else was tried there"
        return refused(
            check, doing, error, subject=subject, right=rights.ACCOUNTS, scope=seen.scope
        )
    if not seen.accounts:
        return warning(
            check,
            f"{seen.scope.capitalize()} shows no account that can hold deployments.",
            subject,
            fix="If it has some, the role is on another scope: "
            + rights.ACCOUNTS.fix(f"the whole {seen.scope}"),
            accounts=0,
        )
    count, regions = len(seen.accounts), ", ".join(seen.regions)
    sentence = f"{seen.scope.capitalize()}: accounts are listed ({count}, in {regions})."
    return well(check, sentence, subject, accounts=count, regions=seen.regions)


def _deployments(arm: CognitiveServicesManagementClient, seen: Seen) -> Iterator[Finding]:
    for account in seen.accounts[:ACCOUNTS_TRIED]:
        yield _deployments_of(arm, seen, account)
    if left := len(seen.accounts[ACCOUNTS_TRIED:]):
        seen.complete = False
        yield not_tried(
            "azure.deployments",
            f"{left} more accounts of {seen.scope}; the first {ACCOUNTS_TRIED} stand for them.",
            seen.subscription_id,
            accounts_left=left,
        )


def _deployments_of(
    arm: CognitiveServicesManagementClient, seen: Seen, account: AccountSeen
) -> Finding:
    check, subject = "azure.deployments", account.resource_id
    try:
        found = inventory.read_deployments(arm, account)
    except CloudError as error:
        seen.complete = False
        doing = f"list the deployments of account {account.name}"
        return refused(
            check, doing, error, subject=subject, right=rights.DEPLOYMENTS, scope=seen.scope
        )
    seen.deployments += found
    if not found:
        sentence = f"Account {account.name} ({account.region}) has no deployment yet."
        return warning(check, sentence, subject, deployments=0, region=account.region)
    return well(
        check,
        f"Account {account.name} ({account.region}): deployments are listed ({len(found)}).",
        subject,
        deployments=len(found),
        region=account.region,
    )


def _usages(arm: CognitiveServicesManagementClient, seen: Seen, region: str) -> Finding:
    check, subject = "azure.usages", f"{seen.subscription_id}/{region}"
    try:
        found = inventory.read_quotas(arm, seen.subscription_id, region)
    except CloudError as error:
        seen.complete = False
        doing = f"read the quota of region {region}"
        return refused(check, doing, error, subject=subject, right=rights.USAGES, scope=seen.scope)
    seen.quotas += found
    if not found:
        return warning(check, f"Region {region} lists no quota.", subject, rows=0)
    return well(
        check, f"Region {region}: quota is read ({len(found)} rows).", subject, rows=len(found)
    )


def _models(arm: CognitiveServicesManagementClient, seen: Seen, region: str) -> Finding:
    check, subject = "azure.models", f"{seen.subscription_id}/{region}"
    try:
        found = inventory.read_model_skus(arm, region)
    except CloudError as error:
        seen.complete = False
        doing = f"list the models of region {region}"
        return refused(check, doing, error, subject=subject, right=rights.MODELS, scope=seen.scope)
    seen.model_skus += found
    if not found:
        return warning(check, f"Region {region} lists no deployable model.", subject, skus=0)
    sentence = f"Region {region}: models are listed ({len(found)} deployable)."
    return well(check, sentence, subject, skus=len(found))
