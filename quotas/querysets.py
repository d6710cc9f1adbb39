"""Adjectives: chainable, one table each. Every list begins with `visible_to(user)`."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, JSONObject, Least

from portal.kernel.windows import Window
from quotas.domain.states import OPEN_REQUEST_STATES, WAITING_REQUEST_STATES

if TYPE_CHECKING:
    from portal.models import User
    from quotas.models import Pool


class TeamQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def visible_to(self, user: "User") -> Self:
        """Own teams; every team for people with an organisation-wide role."""
        return self if user.reads_everything else self.filter(memberships__user=user)


class ServiceQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def visible_to(self, user: "User") -> Self:
        return self if user.reads_everything else self.filter(team__memberships__user=user)

    def in_use(self) -> Self:
        return self.exclude(lifecycle="retired")

    def may_request(self, user: "User") -> Self:
        """Services for which this person may ask: of the teams they lead, and those they own or
        deputise.
        """
        return self.filter(
            Q(team__memberships__user=user, team__memberships__role="lead")
            | Q(owner=user, team__memberships__user=user)
            | Q(deputy=user, team__memberships__user=user),
            sandbox__isnull=True,  # it is what it is; whoever needs more registers a service
        ).distinct()

    def with_asking(self, user: "User") -> Self:
        """Each tells as `may_request` whether this person may ask for it."""
        asks = self.model.objects.may_request(user).filter(pk=OuterRef("pk"))
        return self.annotate(may_request=Exists(asks))


class PoolQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def allocatable(self) -> Self:
        return self.exclude(kind="other")

    def listed(self) -> Self:
        """Those that Azure still has; of one that was succeeded, only what it did is told."""
        return self.filter(gone_at__isnull=True)

    def named(self) -> Self:
        """Read no further than for their names (`words.pool_name`), for long lists of them."""
        return self.only("usage_name", "scope_type", "scope_id", "region")

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

    def with_plan_for(self, user: "User") -> Self:
        """Pools whose plan this person reads: who operates them, or reads everything."""
        return self if user.reads_everything else self.operated_by(user)


class DeploymentQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def present(self) -> Self:
        return self.filter(gone_at__isnull=True)

    def grantable(self) -> Self:
        """Of which more can be asked: there, and fed by a pool that counts what can be granted."""
        return self.present().filter(pool__isnull=False).exclude(pool__kind="other")

    def with_spill_target(self) -> Self:
        """Each with what its account has under the name of its spillover, as `spill_target`: its
        type, model and version; None where there is none.
        """
        named = self.model.objects.present().filter(
            account=OuterRef("account"), name__iexact=OuterRef("spillover_deployment_name")
        )
        served = ("sku_name", "model_name", "model_version")
        facts = JSONObject(**{name: name for name in served})
        return self.annotate(spill_target=Subquery(named.values(facts=facts)[:1]))

    def unmapped(self) -> Self:
        return self.filter(service__isnull=True, takes_sandboxes=False)

    def open_for_sandboxes(self) -> Self:
        """Where a sandbox could be: there, and fed by a pool that Azure still has."""
        rows = self.present().filter(takes_sandboxes=True, pool__gone_at__isnull=True)
        return rows.filter(pool__kind="tokens")

    def visible_to(self, user: "User") -> Self:
        return self if user.reads_everything else self.filter(service__team__memberships__user=user)


LOOK_BACK = timedelta(days=90)


class LedgerQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def applied(self) -> Self:
        """Without what is only held for an offer: it takes room in the pool, none in Azure."""
        return self.exclude(Q(kind="hold") | Q(reverses__kind="hold", reverses__isnull=False))

    def in_force_at(self, at: datetime) -> Self:
        """Half-open: at the minute an entry ends, it is over."""
        return self.filter(effective_from__lte=at, effective_until__gt=at)

    def recent_at(self, at: datetime) -> Self:
        """Those that may still explain something: what is in force, or to come, is always in, and
        what ended within `LOOK_BACK`.
        """
        return self.filter(effective_until__gt=at - LOOK_BACK)

    def in_pool(self, pool: "Pool") -> Self:
        """As a bigint, as the index of windows keeps it: compared with a smaller number, the
        entries of every pool would be looked through.
        """
        return self.filter(pool=Cast(Value(pool.pk), models.BigIntegerField()))

    def touching(self, window: Window) -> Self:
        """Any minute of it in common. As ranges, so that a year of entries costs no more to look
        through than those that are found (`ledger_windows_of_pool`).
        """
        span = Func(
            "effective_from",
            "effective_until",
            function="TSTZRANGE",
            output_field=DateTimeRangeField(),
        )
        return self.alias(span=span).filter(span__overlap=(window.start, window.end))

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


class FreezeQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def for_pool(self, pool_id: int | None) -> Self:
        """Those of this pool, and those of every pool."""
        return self.filter(Q(pool=pool_id) | Q(pool__isnull=True))

    def touching(self, window: Window) -> Self:
        """Half-open on both sides; one that was ended is over at that moment."""
        end = Least("effective_until", Coalesce("ended_at", "effective_until"))
        rows = self.annotate(really_until=end).filter(really_until__gt=F("effective_from"))
        return rows.filter(effective_from__lt=window.end, really_until__gt=window.start)

    def visible_to(self, user: "User") -> Self:
        """Those of all pools are for everybody; that of one pool for who sees the pool."""
        if user.reads_everything:
            return self
        mine = Q(pool__deployments__service__team__memberships__user=user)
        return self.filter(Q(pool__isnull=True) | Q(pool__owners=user) | mine).distinct()


class FindingQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def open(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def visible_to(self, user: "User") -> Self:
        """Of deployments of one's own services, and of pools that one operates."""
        if user.reads_everything:
            return self
        mine = Q(deployment__service__team__memberships__user=user)
        operated = Q(deployment__pool__owners=user) | Q(pool__owners=user)
        return self.filter(mine | operated).distinct()


class GatewayProductQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def operated_by(self, user: "User") -> Self:
        """Of deployments whose pool this person operates; every one for platform owners."""
        return self if user.is_platform_owner else self.filter(deployment__pool__owners=user)


class ModelRuleQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def open_at(self, at: datetime) -> Self:
        """In force, or to come."""
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=at))

    def in_force_at(self, at: datetime) -> Self:
        """Half-open: at the minute a rule ends, it is over."""
        return self.open_at(at).filter(effective_from__lte=at)


class KillSwitchQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def on(self) -> Self:
        """The one that is on, if any: while there is one, nothing is written to Azure."""
        return self.filter(is_on=True)


class SandboxQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def live(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def visible_to(self, user: "User") -> Self:
        """One's own, and those on pools that one operates."""
        if user.reads_everything:
            return self
        return self.filter(Q(person=user) | Q(pool__owners=user)).distinct()


class RequestQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def open(self) -> Self:
        """Sent, and not ended."""
        return self.filter(state__in=sorted(WAITING_REQUEST_STATES))

    def overdue(self, at: datetime) -> Self:
        """Open, drafts too, and past the moment at which time alone ends them."""
        return self.filter(state__in=sorted(OPEN_REQUEST_STATES), deadline_at__lte=at)

    def sent(self) -> Self:
        return self.exclude(state="draft")

    def without_drafts_of_others(self, user: "User") -> Self:
        return self.exclude(Q(state="draft") & ~Q(requester=user))

    def visible_to(self, user: "User") -> Self:
        """Of one's own teams and pools, every one for organisation-wide roles; a draft is its
        writer's alone.
        """
        rows = self.without_drafts_of_others(user)
        if user.reads_everything:
            return rows
        return rows.filter(
            Q(service__team__memberships__user=user)
            | Q(deployment__pool__owners=user)
            | Q(stages__contains=[{"people": [user.pk]}])
            | Q(deployment__pool__fallback_approvers=user, escalated_at__isnull=False)
            | _while_standing_in(user)
        ).distinct()

    def decidable_by(self, user: "User", *, at: datetime) -> Self:
        """In review at a stage that this person may answer now, for themselves or as a delegate:
        neither asked by nor for them, nor by somebody whose delegate they are, nor approved by them
        before. `quotas.services.stages` says the same of one request, with the reason.
        """
        mine = Q(requester=user) | Q(on_behalf_of=user)
        speaks = _named_at_open_stage(user)
        for each in user.delegations_at(at):
            scope = Q() if each.pool_id is None else Q(deployment__pool=each.pool_id)
            asked_by_them = Q(requester=each.from_person) | Q(on_behalf_of=each.from_person)
            speaks |= _named_at_open_stage(each.from_person) & scope
            mine |= asked_by_them & scope
        answered = Q(
            decisions__decided_by=user,
            decisions__outcome__in=["approved", "partial"],
            decisions__voided_at__isnull=True,
        )
        open_ones = self._with_open_stage().filter(speaks)
        return open_ones.exclude(mine).exclude(answered).distinct()

    def naming_at_open_stage(self, person: "User") -> Self:
        """In review at a stage that names this person, whether or not they may answer it."""
        return self._with_open_stage().filter(_named_at_open_stage(person)).distinct()

    def _with_open_stage(self) -> Self:
        return self.filter(state__in=["submitted", "in_review"]).annotate(
            open_approvers=_of_open_stage("approvers"),
            open_role=_of_open_stage("role"),
            open_people=_of_open_stage("people"),
        )


def _of_open_stage(key: str) -> Func:
    """A field of the stage that waits, as text: stages are numbered from 1, JSON lists from 0."""
    number = Cast(F("stage") - 1, models.TextField())
    return Func(
        F("stages"),
        number,
        Value(key),
        function="jsonb_extract_path_text",
        output_field=models.TextField(),
    )


def _named_at_open_stage(person: "User") -> Q:
    """Whether the open stage names this person."""
    fallback = Q(deployment__pool__fallback_approvers=person, escalated_at__isnull=False)
    named = Q(open_approvers="pool_owners")
    if not person.is_platform_owner:
        named &= Q(deployment__pool__owners=person) | fallback
    if "finance" in person.roles:
        named |= Q(open_approvers="finance")
    # Whole ids only: [1, 12] holds 12 and not 2.
    listed = Q(open_people__regex=rf"[\[ ]{person.pk}[,\]]")
    return (
        named
        | Q(open_approvers="role", open_role__in=sorted(person.roles))
        | Q(open_approvers="people") & listed
    )


def _while_standing_in(user: "User") -> Q:
    """What waited at some time while they decided for somebody who may see it."""
    if not user.may_stand_in:
        return Q(pk__in=[])
    seen = user.delegations_taken.filter(
        Q(from_person__owned_pools=OuterRef("deployment__pool"))
        | Q(from_person__role_grants__isnull=False),
        Q(pool__isnull=True) | Q(pool=OuterRef("deployment__pool")),
        effective_until__gt=OuterRef("submitted_at"),
        effective_from__lte=Coalesce(OuterRef("decided_at"), F("effective_from")),
    )
    return Q(Exists(seen))
