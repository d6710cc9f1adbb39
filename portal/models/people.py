"""People who sign in, and the roles that hold for the whole organisation.

What somebody may do for one team or one pool is not a role: it is a membership of the team
(`quotas.Membership`) or ownership of the pool (`quotas.Pool.owners`).
"""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.functional import cached_property

from portal.kernel.clock import now, real_now
from portal.models.presence import PeopleQuerySet, is_gone


class Role(models.TextChoices):
    PLATFORM_OWNER = "platform_owner", "Platform owner"  # approves and operates every pool
    FINANCE = "finance", "Finance"  # reads every team's money, changes no capacity
    AUDITOR = "auditor", "Auditor"  # reads everything, changes nothing
    ADMIN = "admin", "Administrator"  # settings and people; may not approve


class PeopleManager(UserManager.from_queryset(PeopleQuerySet)):  # type: ignore[misc]
    use_in_migrations = False


NAMES = ("first_name", "last_name", "username")


def name_of(first_name: str, last_name: str, username: str) -> str:
    """As a person is called, also where no more of them was read than `NAMES`."""
    return f"{first_name} {last_name}".strip() or username


class User(AbstractUser):
    """A person. `time_zone` is an IANA name; every time on a page is shown in it.

    `portal.sessions` reads the person of a request with `roles`, `team_roles`, `owns_pools`,
    `stands_in`, `unread_messages` and `kill_switch_because` in one query, the session's own.
    """

    # False where it was looked up that nobody ever let them decide: then no query asks for whom.
    may_stand_in = True

    time_zone = models.CharField(max_length=64, default="UTC")
    last_seen_at = models.DateTimeField(null=True, editable=False)  # to the day (`sign_in`)
    # For who was never seen. The machine's time: Django makes a person before there is a database.
    counted_from = models.DateTimeField(default=real_now, editable=False)

    objects: ClassVar[PeopleManager] = PeopleManager()

    @property
    def display_name(self) -> str:
        return name_of(self.first_name, self.last_name, self.username)

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(self.role_grants.values_list("role", flat=True))

    @cached_property
    def team_roles(self) -> dict[int, str]:
        """By the id of each team that they are in: what they are there, `lead` or `member`."""
        return dict(self.memberships.values_list("team_id", "role"))

    @property
    def is_platform_owner(self) -> bool:
        return Role.PLATFORM_OWNER in self.roles

    @cached_property
    def owns_pools(self) -> bool:
        return self.owned_pools.exists()

    @cached_property
    def unread_messages(self) -> int:
        return self.messages_told.unread().count()

    @cached_property
    def kill_switch_because(self) -> str:
        """Why nothing is written to Azure, for everybody; empty while the kill switch is off."""
        thrown: Any = type(self)._meta.get_field("kill_switches_thrown").related_model
        switches = thrown.objects.on()
        return str(switches.values_list("reason", flat=True).first() or "")

    @property
    def operates_pools(self) -> bool:
        """Platform owners, and owners of a pool: they decide requests and switch pools."""
        return self.is_platform_owner or self.owns_pools

    def delegations_at(self, at: datetime) -> models.QuerySet[Any]:
        """Those in force by which somebody lets them decide, with whom."""
        given = self.delegations_taken.in_force_at(at).select_related("from_person")
        return given if self.may_stand_in else given.none()

    @cached_property
    def stands_in(self) -> bool:
        """Whether somebody let them decide in their place, now."""
        return self.delegations_at(now()).exists()

    @property
    def decides_requests(self) -> bool:
        """Whom a stage of a review may name: those who operate pools, finance, and delegates."""
        return self.operates_pools or Role.FINANCE in self.roles or self.stands_in

    @property
    def manages_people(self) -> bool:
        """Adds people, puts them into teams and says who may no longer sign in."""
        return bool(self.roles & {Role.PLATFORM_OWNER, Role.ADMIN})

    @property
    def sees_people(self) -> bool:
        """Who manages people, and auditors."""
        return self.manages_people or Role.AUDITOR in self.roles

    def is_gone(self, at: datetime) -> bool:
        """Deactivated, or not seen for long."""
        return is_gone(self, at=at)

    @property
    def reads_everything(self) -> bool:
        """Whether lists show all teams: every organisation-wide role reads, few of them write."""
        return bool(self.roles)

    @property
    def reads_policy(self) -> bool:
        """Whoever reads everything, and whoever decides: owners of pools and delegates, too."""
        return self.reads_everything or self.decides_requests


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
