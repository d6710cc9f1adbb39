"""Who a session belongs to: loaded once for each request, with what every page asks of a person;
and when they were last seen.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from portal.kernel.clock import now
from portal.kernel.windows import DAY
from portal.models import Message, User


class People(ModelBackend):
    """Django's own sign-in; the person comes with roles, pools, whether they stand in for somebody
    and the number of unread messages, in the same query."""

    def get_user(self, user_id: Any) -> User | None:
        """None for somebody who is gone or may not sign in any more."""
        pools = User.owned_pools.through.objects.filter(user_id=OuterRef("pk"))  # type: ignore[attr-defined]
        given = User._meta.get_field("delegations_taken").related_model.objects.in_force_at(now())
        roles = ArrayAgg("role_grants__role", filter=Q(role_grants__isnull=False), default=[])
        unread = Message.objects.unread().filter(person=OuterRef("pk")).order_by().values("person")
        messages = Coalesce(Subquery(unread.values(found=Count("pk"))), 0)
        user = (
            User.objects.annotate(
                found_roles=roles,
                found_pools=Exists(pools),
                found_delegations=Exists(given.filter(to_person=OuterRef("pk"))),
                found_unread=messages,
            )
            .filter(pk=user_id)
            .first()
        )
        if user is None or not self.user_can_authenticate(user):
            return None
        user.roles = frozenset(user.found_roles)
        user.owns_pools = user.found_pools
        user.stands_in = user.found_delegations
        user.unread_messages = user.found_unread
        return user


def note_seen(user: User, *, at: datetime) -> bool:
    """Writes that they are there, at most once in 24 hours; whether it was written."""
    earlier = at - DAY
    if user.last_seen_at is not None and user.last_seen_at > earlier:
        return False
    rows = User.objects.filter(Q(last_seen_at__isnull=True) | Q(last_seen_at__lte=earlier))
    user.last_seen_at = at
    return bool(rows.filter(pk=user.pk).update(last_seen_at=at))


def note_sign_in(*, user: User, **_: Any) -> None:
    """Receives Django's signal: who signs in is there."""
    note_seen(user, at=now())
