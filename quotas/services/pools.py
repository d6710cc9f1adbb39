"""A pool's own settings, each change audited, and the lock under which its ledger is written."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import User
from quotas.models import Deployment, Pool


@transaction.atomic
def switch_mode(pool: Pool, *, mode: str, by: User, at: datetime) -> Pool:
    """Raises DomainError for an unknown mode or a person who does not operate the pool."""
    if mode not in Pool.Mode.values:
        raise DomainError("A pool either observes or applies.", code="unknown_mode")
    if not Pool.objects.operated_by(by).filter(pk=pool.pk).exists():
        raise DomainError("Only an owner of the pool may switch it.", code="not_yours")
    if Pool.objects.filter(pk=pool.pk).exclude(mode=mode).update(mode=mode):
        audit.record("pool.mode_switched", f"pool/{pool.pk}", actor_id=by.pk, at=at, mode=mode)
    pool.mode = mode
    return pool


def lock_pool_of(deployment: Deployment) -> Pool:
    """The pool that feeds the deployment, locked until the transaction ends: decisions on one pool
    happen in a row. Raises ChangedMeanwhile when a sync, meanwhile, found it fed by another pool.
    """
    pool = lock_pool(deployment.pool_id)
    if not fed_by(pool).filter(pk=deployment.pk).exists():
        raise fed_by_another(deployment)
    return pool


def lock_pool(pool_id: int | None) -> Pool:
    """Whoever locks it looks afterwards whether it still feeds what they want to grant on."""
    # No key lock: an entry that only refers to the pool, such as a give-back, need not wait.
    pool: Pool = Pool.objects.select_for_update(no_key=True).get(pk=pool_id)
    return pool


def fed_by(pool: Pool) -> QuerySet[Deployment]:
    """Certain while the pool is locked: a sync locks every pool before it moves a deployment."""
    found: QuerySet[Deployment] = Deployment.objects.filter(pool=pool)
    return found


def fed_by_another(deployment: Deployment) -> ChangedMeanwhile:
    return ChangedMeanwhile(f"The quota pool of {deployment}")
