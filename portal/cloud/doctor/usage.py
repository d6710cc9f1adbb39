"""Metrics: is the region's endpoint reached, and does the portal's own pull work there?"""

from datetime import datetime

from portal.cloud.doctor import rights
from portal.cloud.doctor.reach import Reach
from portal.cloud.doctor.refusals import one_line, refused
from portal.cloud.doctor.seen import Seen
from portal.cloud.endpoints import metrics_endpoint
from portal.cloud.metrics import AzureMetrics
from portal.kernel.errors import CloudError
from portal.kernel.findings import Finding, Outcome, not_tried, warning, well
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to
from quotas.gateway import AccountSeen

CHECK = "azure.metrics"


def examine_metrics(seen: Seen, region: str, *, has_token: bool, at: datetime) -> Finding:
    """The region's endpoint first, then the hour before `at` of one of its accounts."""
    endpoint, subject = metrics_endpoint(region), f"{seen.subscription_id}/{region}"
    name = f"{endpoint.words} of {region}"
    reached, _ = Reach(CHECK, endpoint, name, subject=subject).attempt()
    if reached.outcome is not Outcome.OK:
        return reached
    if not has_token:
        return not_tried(CHECK, f"Metrics of {region}: there is no token for them.", subject)
    return _pull(seen, _account_of(seen, region), subject, at)


def _account_of(seen: Seen, region: str) -> AccountSeen:
    """One with deployments, if the region has one."""
    used = {deployment.account_resource_id.lower() for deployment in seen.deployments}
    there = [account for account in seen.accounts if account.region == region]
    return next((one for one in there if one.resource_id.lower() in used), there[0])


def _pull(seen: Seen, account: AccountSeen, subject: str, at: datetime) -> Finding:
    end = floor_to(at, MINUTE)
    try:
        answer = AzureMetrics().pull(
            subscription_id=seen.subscription_id,
            region=account.region,
            account_resource_ids=[account.resource_id],
            window=Window(end - HOUR, end),
            grain=MINUTE,
        )
    except CloudError as error:
        # Azure asks for it on the subscription: on single accounts it is not enough.
        doing = f"read the metrics of region {account.region}"
        return refused(CHECK, doing, error, subject=subject, right=rights.METRICS, scope=seen.scope)
    facts = {"account": account.resource_id, "deployments_in_use": len(answer.series)}
    if answer.problems:
        sentence = f"Region {account.region}: not all metrics come: {one_line(answer.problems[0])}."
        return warning(CHECK, sentence, subject, **facts)
    used = f"{len(answer.series)} deployments of {account.name} were in use in the last hour"
    return well(CHECK, f"Region {account.region}: metrics are read ({used}).", subject, **facts)
