"""What signing in and being there leaves behind."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from portal.kernel.clock import now, real_now
from portal.kernel.windows import DAY
from portal.models import Session, User


def note_seen(user: User, *, at: datetime) -> bool:
    """Writes that they are there, at most once in 24 hours; whether it was written."""
    earlier = at - DAY
    if user.last_seen_at is not None and user.last_seen_at > earlier:
        return False
    rows = User.objects.filter(Q(last_seen_at__isnull=True) | Q(last_seen_at__lte=earlier))
    user.last_seen_at = at
    return bool(rows.filter(pk=user.pk).update(last_seen_at=at))


def note_sign_in(*, user: User, **_: Any) -> None:
    """Receives Django's signal: who signs in is there, and their sessions that are over go."""
    note_seen(user, at=now())
    Session.objects.filter(person=user, expire_date__lte=real_now()).delete()
