"""Sandboxes as people read them: one's own, where another could be, and those of others."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from portal.models import User
from quotas.models import CapacityRequest, Deployment, Pool, Sandbox, Team
from quotas.selectors import words
from quotas.selectors.grants import Grant, grants_of

OVER = Status("Over")
GRANTED = Status("Granted", Tone.OK)
MOST_ROWS = 100


@dataclass(frozen=True)
class SandboxRow:
    """`kept_from` is when its person may keep it for longer, `status` where it stands in Azure."""

    id: int
    name: str
    slug: str
    person: str
    model: str
    deployment: str
    amount: Shown
    ends: Shown
    purpose: str
    team: str
    status: Status
    kept_from: Shown
    may_keep: bool
    is_own: bool


@dataclass(frozen=True)
class OpenRow:
    """A deployment that takes sandboxes, or could."""

    id: int
    name: str
    model: str
    pool: str
    pool_id: int | None
    sandboxes: int


def sandbox_rows(user: User, *, at: datetime, kept_from: timedelta, own: bool) -> list[SandboxRow]:
    """Live ones, those that end first before others: one's own, or those of others that one may
    see.
    """
    rows = Sandbox.objects.visible_to(user).live().filter(ends_at__gt=at)
    rows = rows.filter(person=user) if own else rows.exclude(person=user)
    found = list(
        rows.select_related(
            "person", "service__team", "deployment__account", "deployment__pool"
        ).order_by("ends_at", "pk")[:MOST_ROWS]
    )
    grants = _grants(found, at=at)
    return [
        _row(each, grants.get(each.service_id), user, at=at, kept_from=kept_from) for each in found
    ]


def _grants(rows: Iterable[Sandbox], *, at: datetime) -> dict[int, Grant]:
    """By service id, that of the request which holds now."""
    services = [row.service_id for row in rows]
    asked = CapacityRequest.objects.filter(service__in=services, kind="sandbox", starts_at__lte=at)
    newest = list(asked.select_related("deployment__pool").order_by("starts_at", "pk"))
    found = grants_of(newest, at=at)
    return {row.service_id: found[row.pk] for row in newest if row.pk in found}


def _row(
    row: Sandbox, grant: Grant | None, user: User, *, at: datetime, kept_from: timedelta
) -> SandboxRow:
    opens = row.ends_at - kept_from
    return SandboxRow(
        id=row.pk,
        name=row.service.name,
        slug=row.service.slug,
        person=row.person.display_name,
        model=f"{row.deployment.model_name} {row.deployment.model_version}",
        deployment=str(row.deployment),
        amount=words.amount(row.deployment, row.units),
        ends=words.moment(row.ends_at, now=at),
        purpose=row.service.purpose,
        team=row.service.team.name,
        status=grant.status if grant else GRANTED,
        kept_from=words.day(opens, now=at),
        may_keep=row.person_id == user.pk and at >= opens,
        is_own=row.person_id == user.pk,
    )


def open_choices(user: User) -> list[Deployment]:
    """Deployments that take sandboxes, less those of a pool in which this person has one."""
    taken = Sandbox.objects.live().filter(person=user).values("pool")
    rows = Deployment.objects.open_for_sandboxes().exclude(pool__in=taken)
    return list(rows.select_related("account", "pool").order_by("model_name", "pk"))


def choice_name(deployment: Deployment) -> str:
    """`gpt-4o · Global Standard · all regions (acme/playground)`."""
    name = words.pool_name(deployment.pool) if deployment.pool else deployment.model_name
    return f"{name} ({deployment})"


def open_rows(user: User) -> list[OpenRow]:
    """Those that are open, on pools that this person operates."""
    rows = Deployment.objects.open_for_sandboxes().filter(pool__in=Pool.objects.operated_by(user))
    return _open_rows(rows)


def could_open(user: User) -> list[OpenRow]:
    """Those that nobody's service has and that could be opened by this person."""
    rows = (
        Deployment.objects.present()
        .unmapped()
        .filter(pool__in=Pool.objects.operated_by(user).listed().filter(kind=Pool.Kind.TOKENS))
    )
    return _open_rows(rows)


def _open_rows(rows: QuerySet[Deployment]) -> list[OpenRow]:
    live = Count("sandboxes", filter=Q(sandboxes__ended_at__isnull=True))
    found = rows.select_related("account", "pool").annotate(live=live)
    return [
        OpenRow(
            id=each.pk,
            name=str(each),
            model=f"{each.model_name} {each.model_version}",
            pool=words.pool_name(each.pool) if each.pool else "",
            pool_id=each.pool_id,
            sandboxes=each.live,
        )
        for each in found.order_by("model_name", "pk")
    ]


def teams_of(user: User) -> QuerySet[Team]:
    """Those that may pay for a sandbox of this person."""
    return Team.objects.filter(memberships__user=user).order_by("name")
