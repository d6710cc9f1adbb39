"""Takes in what Azure has: accounts, pools with their limits, deployments, and adopts them.

Adoption: the first sight of a deployment writes one ledger entry equal to its present capacity,
held
by nobody until somebody maps it. So the first plan of any installation is empty. A deployment that
could not be listed is unknown, not gone: nothing is concluded from silence.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Lower

from portal import audit
from portal.kernel.errors import CloudError
from portal.kernel.windows import FOREVER
from quotas.gateway import (
    AccountSeen,
    CapacityGateway,
    DeploymentSeen,
    Inventory,
)
from quotas.models import AzureAccount, Deployment, Expectation, LedgerEntry, Pool, SyncRun
from quotas.services.change_news import tell_of_unmapped
from quotas.services.deployables import keep_deployables
from quotas.services.expectations import arrive, follow_pools, unseen_of
from quotas.services.feeds import Catalogue, pool_keys, rate_of
from quotas.services.findings import known_before, note_seen
from quotas.services.gone import deleted_with_their_accounts, mark_gone, read_since
from quotas.services.limits import note_limit
from quotas.services.model_lives import keep_lives, tell_of_retirements
from quotas.services.move_news import tell_of_moved_entries
from quotas.services.pool_moves import move_entries
from quotas.services.pool_rows import lock_pools, take_pool
from quotas.services.pool_succession import follow

# Runs are looked back on for a month; there are 288 a day of each subscription.
RUNS_KEPT = timedelta(days=31)
UNFORESEEN = "The sync stopped at something that nobody foresaw; the log has it."


@dataclass(frozen=True)
class SyncResult:
    accounts: int
    deployments: int
    adopted: int
    gone: int
    problems: tuple[str, ...]


def sync_subscription(
    subscription_id: str, *, gateway: CapacityGateway, at: datetime
) -> SyncResult:
    """One subscription, whole. Safe to run twice. Raises CloudError when nothing could be read."""
    run = SyncRun.objects.create(subscription_id=subscription_id, started_at=at)
    try:
        seen = gateway.inventory(subscription_id)
        deleted = deleted_with_their_accounts(seen, gateway=gateway)
        with transaction.atomic():
            result = take_in(seen, deleted=deleted, at=at)
            _end(run, *seen.problems, at=at)
    except Exception as error:
        _end(run, error.sentence if isinstance(error, CloudError) else UNFORESEEN, at=at)
        raise
    return result


def _end(run: SyncRun, *problems: str, at: datetime) -> None:
    """Old runs go when a newer one has ended, so the newest always stays."""
    run.ended_at, run.problems = at, list(problems)
    run.save(update_fields=["ended_at", "problems"])
    of_subscription = SyncRun.objects.annotate(name=Lower("subscription_id"))
    of_subscription.filter(name=run.subscription_id.lower(), started_at__lt=at - RUNS_KEPT).delete()


def take_in(seen: Inventory, *, deleted: frozenset[str] = frozenset(), at: datetime) -> SyncResult:
    """Writes what was seen; one transaction of the caller's.

    `deleted` are resource keys of deployments that went away with their accounts.
    """
    lock_pools(seen.subscription_id)
    before = known_before(seen)
    accounts = {row.resource_id.lower(): _take_account(row, at=at) for row in seen.accounts}
    found = [(row, *take_pool(row, at=at)) for row in seen.quotas]
    taken = [(row, pool) for row, pool, _ in found]
    pools = {key: pool for row, pool in taken for key in pool_keys(row)}
    catalogue = Catalogue(seen.model_skus, pools)
    keep_deployables(seen, pools)
    keep_lives(seen, at=at)
    newer = set(read_since(at).values_list("resource_key", flat=True))
    expected = unseen_of(seen.subscription_id)
    adopted, came = 0, dict[int, Pool]()
    for row in seen.deployments:
        account = accounts.get(row.account_resource_id.lower())
        if account is not None:
            is_old, plan = row.resource_id.lower() in newer, expected.get(row.resource_id.lower())
            new, moved_to = _take_deployment(row, account, catalogue, plan, is_old=is_old, at=at)
            adopted += new
            came |= {moved_to.pk: moved_to} if moved_to else {}
    came |= follow_pools(seen.subscription_id, at=at)
    note_seen(before, seen, at=at)
    gone = mark_gone(seen, deleted, at=at)
    follow(seen, taken, new={pool.pk for _, pool, is_new in found if is_new}, at=at)
    for quota, pool in taken:
        note_limit(pool, quota, at=at)
    for pool in came.values():
        tell_of_moved_entries(pool, at=at)
    first_seen = Deployment.objects.unmapped().filter(first_seen_at=at, gone_at__isnull=True)
    mine = first_seen.filter(account__subscription_id=seen.subscription_id)
    tell_of_unmapped(mine.select_related("account"), at=at)
    tell_of_retirements(seen.subscription_id, at=at)
    return SyncResult(len(accounts), len(seen.deployments), adopted, gone, seen.problems)


def _take_account(row: AccountSeen, *, at: datetime) -> AzureAccount:
    facts = {
        "resource_id": row.resource_id,
        "subscription_id": row.subscription_id,
        "resource_group": row.resource_group,
        "name": row.name,
        "region": row.region,
        "kind": row.kind,
        "subdomain": row.subdomain,
        "tags": dict(row.tags),
        "last_seen_at": at,
    }
    account, _ = AzureAccount.objects.update_or_create(
        resource_key=row.resource_id.lower(),
        defaults=facts,
        create_defaults={**facts, "first_seen_at": at},
    )
    return account


def _take_deployment(
    row: DeploymentSeen,
    account: AzureAccount,
    catalogue: Catalogue,
    plan: Expectation | None,
    *,
    is_old: bool,
    at: datetime,
) -> tuple[int, Pool | None]:
    """Returns how many entries adoption wrote (1 at first sight, else 0), and the pool to which
    what it holds has moved. `plan` is the service's that was to have it, where one was.
    """
    sku = catalogue.sku_of(account, row)
    rate = rate_of(row, sku)
    facts = {
        "account": account,
        "resource_id": row.resource_id,
        "name": row.name,
        "model_format": row.model_format,
        "model_name": row.model_name,
        "model_version": row.model_version,
        "sku_name": row.sku_name,
        "tokens_per_minute_per_unit": rate.tokens_per_minute,
        "requests_per_minute_per_unit": rate.requests_per_minute,
        "spillover_deployment_name": row.spillover_deployment_name,
        "tags": dict(row.tags),
        "gone_at": None,
    }
    now = {
        "capacity_units": row.capacity_units,
        "provisioning_state": row.provisioning_state,
        "observed_at": at,
    }
    if sku is not None:
        facts |= {"minimum_units": sku.minimum_units, "step_units": sku.step_units}
    pool = catalogue.pool_of(account, sku)
    if pool is not None:
        facts["pool"] = pool
    deployment, created = Deployment.objects.update_or_create(
        resource_key=row.resource_id.lower(),
        defaults=facts if is_old else facts | now,
        create_defaults={**facts, **now, "first_seen_at": at, "settled_units": row.capacity_units},
    )
    if plan is not None and not arrive(plan, deployment, at=at):
        return _adopt(deployment, at=at), None
    has_moved = pool is not None and move_entries(deployment, pool, at=at) > 0
    if created or not deployment.entries.exists():
        return _adopt(deployment, at=at), None
    return 0, pool if has_moved else None


def _adopt(deployment: Deployment, *, at: datetime) -> int:
    if deployment.pool is None or not deployment.capacity_units:
        return 0  # no pool is known to feed it: listed, never written
    Deployment.objects.filter(pk=deployment.pk).update(settled_units=deployment.capacity_units)
    entry = LedgerEntry.objects.create(
        pool=deployment.pool,
        deployment=deployment,
        service=deployment.service,
        units=deployment.capacity_units,
        effective_from=at,
        effective_until=FOREVER,
        kind=LedgerEntry.Kind.ADOPTED,
        reason="First seen in Azure with this capacity.",
        recorded_at=at,
    )
    audit.record(
        "deployment.adopted",
        f"deployment/{deployment.pk}",
        actor_id=None,
        at=at,
        units=entry.units,
        entry=entry.pk,
    )
    return 1
