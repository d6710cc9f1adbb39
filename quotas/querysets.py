"""Adjectives: chainable, one table each. Every list begins with `visible_to(user)`."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from portal.kernel.windows import Window
from quotas.domain.states import OPEN_REQUEST_STATES, WAITING_REQUEST_STATES

if TYPE_CHECKING:
    from portal.models import User


class TeamQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def visible_to(self, user: "User") -> Self:
        """Own teams; every team for people with an organisation-wide role."""
        return self if user.reads_everything else self.filter(memberships__user=user)


class ServiceQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def visible_to(self, user: "User") -> Self:
        return self if user.reads_everything else self.filter(team__memberships__user=user)

    def may_request(self, user: "User") -> Self:
        """Services for which this person may ask: of the teams they lead, and those they own or
        deputise.
        """
        return self.filter(
            Q(team__memberships__user=user, team__memberships__role="lead")
            | Q(owner=user, team__memberships__user=user)
            | Q(deputy=user, team__memberships__user=user)
        ).distinct()


class PoolQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def allocatable(self) -> Self:
        return self.exclude(kind="other")

    def listed(self) -> Self:
        """Those that Azure still has; of one that was succeeded, only what it did is told."""
        return self.filter(gone_at__isnull=True)

    def visible_to(self, user: "User") -> Self:
        """Pools that feed a deployment of one's own services, and those that they succeeded; every
        pool for organisation-wide roles.
        """
        if user.reads_everything:
            return self
        return self.filter(
            Q(deployments__service__team__memberships__user=user)
            | Q(successor__deployments__service__team__memberships__user=user)
            | Q(owners=user)
        ).distinct()

    def operated_by(self, user: "User") -> Self:
        """Pools that this person may approve for and switch: as owner of the pool or of the
        platform.
        """
        return self if user.is_platform_owner else self.filter(owners=user)


class DeploymentQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def present(self) -> Self:
        return self.filter(gone_at__isnull=True)

    def unmapped(self) -> Self:
        return self.filter(service__isnull=True)

    def visible_to(self, user: "User") -> Self:
        return self if user.reads_everything else self.filter(service__team__memberships__user=user)


class LedgerQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def applied(self) -> Self:
        """Without what is only held for an offer: it takes room in the pool, none in Azure."""
        return self.exclude(Q(kind="hold") | Q(reverses__kind="hold", reverses__isnull=False))

    def in_force_at(self, at: datetime) -> Self:
        """Half-open: at the minute an entry ends, it is over."""
        return self.filter(effective_from__lte=at, effective_until__gt=at)

    def touching(self, window: Window) -> Self:
        return self.filter(effective_from__lt=window.end, effective_until__gt=window.start)

    def visible_to(self, user: "User") -> Self:
        return self if user.reads_everything else self.filter(service__team__memberships__user=user)


class DelegationQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def in_force_at(self, at: datetime) -> Self:
        """Half-open: at the minute a delegation ends, it is over."""
        return self.filter(effective_from__lte=at, effective_until__gt=at)

    def for_pool(self, pool_id: int | None) -> Self:
        """Those for this pool, and those for every pool."""
        return self.filter(Q(pool=pool_id) | Q(pool__isnull=True))

    def visible_to(self, user: "User") -> Self:
        """Given by or to this person; for a pool that they operate, theirs as well."""
        if user.reads_everything:
            return self
        own = Q(from_person=user) | Q(to_person=user)
        return self.filter(own | Q(pool__owners=user)).distinct()


class RequestQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def open(self) -> Self:
        """Sent, and not ended."""
        return self.filter(state__in=sorted(WAITING_REQUEST_STATES))

    def overdue(self, at: datetime) -> Self:
        """Open, drafts too, and past the moment at which time alone ends them."""
        return self.filter(state__in=sorted(OPEN_REQUEST_STATES), deadline_at__lte=at)

    def sent(self) -> Self:
        return self.exclude(state="draft")

    def visible_to(self, user: "User") -> Self:
        """Of one's own teams and pools, every one for organisation-wide roles; a draft is its
        writer's alone.
        """
        rows = self.exclude(Q(state="draft") & ~Q(requester=user))
        if user.reads_everything:
            return rows
        return rows.filter(
            Q(service__team__memberships__user=user) | Q(deployment__pool__owners=user)
        ).distinct()

    def decidable_by(self, user: "User") -> Self:
        """Open, in a pool that this person operates, and neither asked by nor for them."""
        mine = Q(requester=user) | Q(on_behalf_of=user)
        found = self.filter(state__in=["submitted", "in_review"]).exclude(mine)
        return found if user.is_platform_owner else found.filter(deployment__pool__owners=user)
