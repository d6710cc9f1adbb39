"""May the doctor write to a deployment now? Not while the portal itself is writing there.

Setting the present capacity again would take back a change that is on its way. So the account's
lease is taken, as for any other write, and nothing of the account may be on its way.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from quotas.models import AzureAccount, Change
from quotas.services import leases
from quotas.services.gates import ON_THE_WAY

ON_ITS_WAY = "a change of the portal's own is on its way on the same account; try again in a minute"
NO_DATABASE = (
    "the database cannot be read, so it is not known whether the portal is writing there just now"
)


@contextmanager
def write_guard(resource_id: str) -> Iterator[str]:
    """Yields "" where writing is safe, else why it is not. Holds the account's lease meanwhile.

    An account that the portal has never seen is nobody's: the portal cannot be writing there.
    """
    account_key = resource_id.lower().rpartition("/deployments/")[0]
    try:
        account = AzureAccount.objects.filter(resource_key=account_key).first()
    except DatabaseError:
        yield NO_DATABASE
        return
    if account is None:
        yield ""
        return
    with leases.held(account.pk) as holder:
        yield ON_ITS_WAY if holder is None or _is_on_its_way(account) else ""


def _is_on_its_way(account: AzureAccount) -> bool:
    return Change.objects.filter(deployment__account_id=account.pk, state__in=ON_THE_WAY).exists()
