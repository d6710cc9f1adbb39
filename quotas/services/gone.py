"""Deployments that Azure has no more.

Nothing is concluded from silence: what could not be listed is unknown, not gone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Q, QuerySet

from portal import audit
from portal.kernel.errors import CloudError, CloudReason
from quotas.gateway import CapacityGateway, Inventory
from quotas.models import Deployment
from quotas.services.findings import note_gone

# No sync takes longer, so what was read back within this time after it began is newer than it.
LONGEST_SYNC = timedelta(hours=1)


def deleted_with_their_accounts(seen: Inventory, *, gateway: CapacityGateway) -> frozenset[str]:
    """Resource keys of deployments whose account is listed no more and that Azure denies by name.

    The list of a subscription leaves out, without a word, accounts that the portal may not read
    any more: so of each deployment there Azure is asked, until it answers otherwise than "gone".
    """
    rows = _present(seen).select_related("account").order_by("account_id", "pk")
    unlisted = rows.exclude(
        account__resource_key__in=[a.resource_id.lower() for a in seen.accounts]
    )
    return frozenset(
        key
        for _, members in groupby(unlisted, key=lambda row: row.account_id)
        for key in _denied(members, gateway)
    )


def _denied(members: Iterator[Deployment], gateway: CapacityGateway) -> Iterator[str]:
    for row in members:
        try:
            gateway.read(row.resource_id)
        except CloudError as error:
            if error.reason is not CloudReason.NOT_FOUND:
                return
            yield row.resource_key


def mark_gone(seen: Inventory, deleted: frozenset[str], *, at: datetime) -> int:
    """Those that a readable account no longer lists, and `deleted`.

    Their entries stay: somebody has to decide.
    """
    readable = {row.resource_id.lower() for row in seen.accounts}
    readable -= {resource_id.lower() for resource_id in seen.unreadable_accounts}
    listed = {row.resource_id.lower() for row in seen.deployments}
    found = list(
        _present(seen)
        .filter(Q(account__resource_key__in=readable) | Q(resource_key__in=deleted))
        .exclude(resource_key__in=listed)
        .exclude(pk__in=read_since(at).values("pk"))
        .select_related("account", "pool")
    )
    for deployment in found:
        Deployment.objects.filter(pk=deployment.pk).update(gone_at=at)
        audit.record("deployment.gone", f"deployment/{deployment.pk}", actor_id=None, at=at)
    note_gone(found, at=at)
    return len(found)


def read_since(at: datetime) -> QuerySet[Deployment]:
    """Read back (or first seen) after a sync of then began: it knows nothing newer of them."""
    return Deployment.objects.filter(observed_at__gt=at, observed_at__lte=at + LONGEST_SYNC)


def _present(seen: Inventory) -> QuerySet[Deployment]:
    return Deployment.objects.present().filter(account__subscription_id=seen.subscription_id)
