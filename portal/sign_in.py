"""Who a session belongs to: loaded once for each request, with what every page asks of a person."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Exists, OuterRef, Q

from portal.models import User


class People(ModelBackend):
    """Django's own sign-in; the person comes with roles and pools in the same query."""

    def get_user(self, user_id: Any) -> User | None:
        """None for somebody who is gone or may not sign in any more."""
        pools = User.owned_pools.through.objects.filter(user_id=OuterRef("pk"))  # type: ignore[attr-defined]
        roles = ArrayAgg("role_grants__role", filter=Q(role_grants__isnull=False), default=[])
        user = (
            User.objects.annotate(found_roles=roles, found_pools=Exists(pools))
            .filter(pk=user_id)
            .first()
        )
        if user is None or not self.user_can_authenticate(user):
            return None
        user.roles = frozenset(user.found_roles)
        user.owns_pools = user.found_pools
        return user
