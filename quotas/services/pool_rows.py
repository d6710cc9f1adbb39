"""Azure's quota rows as pools: which bucket a row is, and which buckets are no longer listed."""

from collections.abc import Iterable
from datetime import datetime

from quotas.gateway import Inventory, QuotaSeen
from quotas.models import Pool, Scope

# Rows of `usages` that count something else than capacity units.
OTHER_UNITS = ("accountcount", "finetuned", "dedicated", "batch", "enqueued")
SHARED = {scope.value.lower(): scope for scope in (Scope.GLOBAL, Scope.DATA_ZONE)}


def lock_pools(subscription_id: str) -> None:
    """For the whole sync, in the order of their ids: a decision that waited sees what moved."""
    rows = Pool.objects.filter(subscription_id=subscription_id).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def take_pool(row: QuotaSeen, *, at: datetime) -> tuple[Pool, bool]:
    """The pool of the row, and whether it is new. One that had gone is back.

    A row of one region is the same bucket whether Azure calls its scope Classic, Regional or
    nothing; names and scopes are compared without case.
    """
    scope, scope_id = _scope(row)
    pool, created = Pool.objects.get_or_create(
        subscription_id=row.subscription_id,
        scope_type=scope,
        scope_id__iexact=scope_id,
        usage_name__iexact=row.usage_name,
        defaults={
            "scope_id": scope_id,
            "usage_name": row.usage_name,
            "region": row.region,
            "kind": kind_of_pool(row.usage_name),
            "first_seen_at": at,
            "last_seen_at": at,
        },
    )
    if not created:
        Pool.objects.filter(pk=pool.pk).update(last_seen_at=at, gone_at=None, successor=None)
    return pool, created


def is_of(row: QuotaSeen, pool: Pool) -> bool:
    """Whether the row, as one region lists it, is about this pool."""
    scope, scope_id = _scope(row)
    same_name = row.usage_name.lower() == pool.usage_name.lower()
    return same_name and (scope, scope_id.lower()) == (pool.scope_type, pool.scope_id.lower())


def _scope(row: QuotaSeen) -> tuple[str, str]:
    scope = SHARED.get(row.scope_type.lower(), Scope.REGION)
    return scope, row.scope_id if scope and row.scope_id else row.region


def kind_of_pool(usage_name: str) -> Pool.Kind:
    """What the units of a quota row are. Rows of other units are listed, never allocated."""
    name = usage_name.lower()
    if any(word in name for word in OTHER_UNITS):
        return Pool.Kind.OTHER
    if "provisioned" in name:
        return Pool.Kind.PROVISIONED
    return Pool.Kind.TOKENS if name.count(".") >= 2 else Pool.Kind.OTHER


def no_longer_listed(seen: Inventory, listed: Iterable[Pool]) -> list[Pool]:
    """Pools that a region which could be read lists no more, newly so. Silence of a region proves
    nothing.
    """
    read = {region for row in seen.quotas for region in (row.region, *row.regions)}
    rows = Pool.objects.listed().filter(subscription_id=seen.subscription_id, region__in=read)
    return list(rows.exclude(pk__in=[pool.pk for pool in listed]).order_by("pk"))


def successors(pool: Pool, listed: Iterable[tuple[QuotaSeen, Pool]]) -> list[Pool]:
    """One where Azure put regions together, several where it took them apart: the listed bucket
    that has the name and reaches the region, else those that feed what the pool fed.
    """
    rows = list(listed)
    if pool.scope_type == Scope.REGION:
        name = pool.usage_name.lower()
        for row, found in rows:
            if row.usage_name.lower() == name and pool.region in (row.region, *row.regions):
                return [found]
    fed = set(pool.entries.order_by().values_list("deployment__pool", flat=True))
    return [found for _, found in rows if found.pk in fed]
