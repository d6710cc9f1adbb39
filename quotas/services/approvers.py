"""Whom a stage of a review names: the people who may answer it, without those who ask.

In SQL, as each decision asks: Django takes longer to put such a statement together than PostgreSQL
to answer it. Each way to be named finds its people by an index.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from portal.models import Role, User
from quotas.domain.stages import ALL_OF, FINANCE, PEOPLE, POOL_OWNERS, ROLE, Stage
from quotas.models import CapacityRequest

# One row: who is named and may sign in; and in whose place one person decides, the longest standing
# first (`DelegationQuerySet.in_force_at` and `for_pool`).
ASKED = """
SELECT ARRAY(
    SELECT person.id FROM portal_user person JOIN (
        SELECT unnest(%(people)s::bigint[]) AS id
        UNION SELECT user_id FROM portal_rolegrant WHERE role = %(role)s
        UNION SELECT user_id FROM quotas_pool_owners WHERE pool_id = %(owners_of)s
        UNION SELECT user_id FROM quotas_pool_fallback_approvers WHERE pool_id = %(fallback_of)s
    ) named USING (id) WHERE person.is_active
), ARRAY(
    SELECT from_person_id FROM quotas_delegation
    WHERE to_person_id = %(by)s AND effective_from <= %(at)s AND effective_until > %(at)s
    AND (pool_id = %(pool)s OR pool_id IS NULL) ORDER BY effective_from, id
)"""


@dataclass(frozen=True)
class Turn:
    """What was read of the open stage before anything was locked: the ids of its approvers, and of
    those in whose place the person who answers decides now, the longest standing first.
    """

    asked: frozenset[int]
    given_by: tuple[int, ...]


@dataclass(frozen=True)
class _Named:
    """The ways to be named, any of which is enough; None, or nobody: not this way."""

    people: tuple[int, ...] = ()
    role: str | None = None
    owners_of: int | None = None  # of a pool
    fallback_of: int | None = None


def turn_of(request: CapacityRequest, by: User, *, at: datetime) -> Turn:
    """One query; where all have to agree, those of `approvers_of` beside it."""
    stage = request.open_stage
    if stage is None or stage.mode == ALL_OF:
        turn = _turn(request, _Named(), by=by, at=at)
        return replace(turn, asked=approvers_of(request, stage, at=at)) if stage else turn
    return _turn(request, _named(request, stage), by=by, at=at)


def approvers_of(request: CapacityRequest, stage: Stage, *, at: datetime) -> frozenset[int]:
    """The ids of the active people whom the stage names, without those who ask. Empty: nobody can
    answer it, and it times out with an alarm.

    Where all of them have to agree, nobody who is gone is waited for while somebody else is there;
    of the owners of a pool, then those of the platform. One query, up to four for such a stage.
    """
    if stage.mode != ALL_OF:
        return _people(request, _named(request, stage))
    of_pool = stage.approvers == POOL_OWNERS
    named = _Named(owners_of=request.deployment.pool_id) if of_pool else _named(request, stage)
    everybody = _people(request, named)
    found = _present(everybody, at=at)
    if of_pool and not found:
        found = _present(_people(request, _Named(role=Role.PLATFORM_OWNER)), at=at)
    return found or everybody


def nobody_there(request: CapacityRequest, *, at: datetime) -> bool:
    """Whether all who would be asked first are gone: the owners of the pool who did not ask for it
    themselves, or those of the platform where it has none. Only for a stage of any owner: for
    others nobody stands in.
    """
    stage = request.open_stage
    if stage is None or not stage.falls_back:
        return False
    first = _people(request, _Named(owners_of=request.deployment.pool_id))
    first = first or _people(request, _Named(role=Role.PLATFORM_OWNER))
    return not _present(first, at=at)


def _named(request: CapacityRequest, stage: Stage) -> _Named:
    """Of any owner: those of the pool and of the platform; once escalated, the fallback too."""
    if stage.approvers == PEOPLE:
        return _Named(people=stage.people)
    if stage.approvers in (FINANCE, ROLE):
        return _Named(role=stage.role or Role.FINANCE)
    pool = request.deployment.pool_id
    owners = _Named(role=Role.PLATFORM_OWNER, owners_of=pool)
    return replace(owners, fallback_of=pool) if request.escalated_at else owners


def _people(request: CapacityRequest, named: _Named) -> frozenset[int]:
    return _turn(request, named).asked


def _turn(
    request: CapacityRequest, named: _Named, *, by: User | None = None, at: datetime | None = None
) -> Turn:
    """Active ones, without those who ask. One query."""
    asked: dict[str, Any] = {
        "people": list(named.people), "role": named.role, "owners_of": named.owners_of,
        "fallback_of": named.fallback_of, "pool": request.deployment.pool_id,
        "by": by.pk if by else None, "at": at,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(ASKED, asked)
        [[people, given_by]] = cursor.fetchall()
    return Turn(frozenset(people) - request.askers, tuple(given_by))


def _present(people: frozenset[int], *, at: datetime) -> frozenset[int]:
    """Those who are not gone then."""
    there = User.objects.present_at(at).filter(pk__in=people).order_by()
    return frozenset(there.values_list("pk", flat=True)) if people else people
