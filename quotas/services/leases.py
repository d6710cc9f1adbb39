"""One lease per account: Azure refuses a second write to the same account while one runs.

Leases live on real time: a writer that is killed must lose its lease even when the portal's own
clock stands still. A lease is longer than the longest single call (connect 5 s, read 60 s).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from portal.kernel.clock import real_now
from quotas.models import AccountLease

LENGTH = timedelta(seconds=90)


def take(account_id: int, holder: str) -> bool:
    """True when the account is ours until LENGTH from now."""
    now = real_now()
    ours = {"holder": holder, "expires_at": now + LENGTH}
    free = AccountLease.objects.filter(account_id=account_id, expires_at__lte=now)
    if free.update(**ours):
        return True
    _, is_the_first = AccountLease.objects.get_or_create(account_id=account_id, defaults=ours)
    return is_the_first


def renew(account_id: int, holder: str) -> bool:
    """LENGTH from now again; False when the lease has ended and may be somebody else's."""
    now = real_now()
    ours = AccountLease.objects.filter(account_id=account_id, holder=holder, expires_at__gt=now)
    return bool(ours.update(expires_at=now + LENGTH))


def is_ours(account_id: int, holder: str) -> bool:
    """A writer whose lease ended discards its answer: somebody else is at work there."""
    return AccountLease.objects.filter(
        account_id=account_id, holder=holder, expires_at__gt=real_now()
    ).exists()


def release(account_id: int, holder: str) -> None:
    AccountLease.objects.filter(account_id=account_id, holder=holder).update(
        expires_at=real_now(), holder=""
    )


@contextmanager
def held(account_id: int) -> Iterator[str | None]:
    """Yields the holder's name, or None when the account is somebody else's."""
    holder = uuid4().hex
    if not take(account_id, holder):
        yield None
        return
    try:
        yield holder
    finally:
        release(account_id, holder)
