"""People who sign in, and the roles that hold for the whole organisation.

What somebody may do for one team or one pool is not a role: it is a membership of the team
(`quotas.Membership`) or ownership of the pool (`quotas.Pool.owners`).
"""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.functional import cached_property

from portal.kernel.clock import now


class Role(models.TextChoices):
    PLATFORM_OWNER = "platform_owner", "Platform owner"  # approves and operates every pool
    FINANCE = "finance", "Finance"  # reads every team's money, changes no capacity
    AUDITOR = "auditor", "Auditor"  # reads everything, changes nothing
    ADMIN = "admin", "Administrator"  # settings and people; may not approve


class User(AbstractUser):
    """A person. `time_zone` is an IANA name; every time on a page is shown in it.

    `portal.sign_in` loads the person of a request with `roles`, `owns_pools`, `stands_in` and
    `unread_messages` in one query.
    """

    time_zone = models.CharField(max_length=64, default="UTC")

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.get_username()

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(self.role_grants.values_list("role", flat=True))

    @property
    def is_platform_owner(self) -> bool:
        return Role.PLATFORM_OWNER in self.roles

    @cached_property
    def owns_pools(self) -> bool:
        return self.owned_pools.exists()

    @cached_property
    def unread_messages(self) -> int:
        return self.messages_told.unread().count()

    @property
    def operates_pools(self) -> bool:
        """Platform owners, and owners of a pool: they decide requests and switch pools."""
        return self.is_platform_owner or self.owns_pools

    @cached_property
    def stands_in(self) -> bool:
        """Whether somebody let them decide in their place, now."""
        return self.delegations_taken.in_force_at(now()).exists()

    @property
    def decides_requests(self) -> bool:
        """Whom a stage of a review may name: those who operate pools, finance, and delegates."""
        return self.operates_pools or Role.FINANCE in self.roles or self.stands_in

    @property
    def reads_everything(self) -> bool:
        """Whether lists show all teams: every organisation-wide role reads, few of them write."""
        return bool(self.roles)


class RoleGrant(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=20, choices=Role.choices)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="one_grant_per_person_and_role")
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()}"
