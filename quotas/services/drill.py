"""Drafts the burst requests that a lost region would take; whoever answers for a service sends
its own.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.urls import reverse

from portal import audit
from portal.kernel.errors import DomainError
from portal.models import User
from portal.outbox import Event, tell
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors import words
from quotas.selectors.drill import Drill
from quotas.services.asking import Draft
from quotas.services.checks import check_may_request
from quotas.services.drafts import save_draft
from quotas.services.refusals import refuse

Occasion = CapacityRequest.Occasion


@dataclass(frozen=True)
class Drafted:
    """How many drafts are the person's own, and of whoever answers for a service; `left_out` are
    services of which nobody could be found who may ask.
    """

    own: int
    of_others: int
    left_out: tuple[str, ...]


@dataclass
class _Wanted:
    service: Service
    deployment: Deployment
    units: int
    lost: list[str]


@transaction.atomic
def draft_bursts(found: Drill, *, by: User, at: datetime) -> Drafted:
    """One for each deployment that would take more, from now to the end of the drill's window. A
    person who may not ask for a service has it drafted for its owner, or the deputy: theirs alone,
    and they are told. Done again, what was drafted before is written over.

    Raises DomainError where there is nothing to draft for this person.
    """
    own = of_others = 0
    left_out: list[str] = []
    for wanted in _wanted(found):
        writer = _writer(wanted.service, by, at=at)
        if writer is None:
            left_out.append(wanted.service.name)
            continue
        _draft(wanted, found, writer, by=by, at=at)
        own, of_others = own + (writer == by), of_others + (writer != by)
    if not own and not of_others:
        raise refuse("nothing_to_draft", _NOTHING)
    _record(found, own + of_others, by=by, at=at)
    return Drafted(own, of_others, tuple(dict.fromkeys(left_out)))


_NOTHING = (
    "There is nothing to draft: no service for which you, or people you could draft it for, may "
    "ask has room elsewhere."
)


def _wanted(found: Drill) -> list[_Wanted]:
    """What a service lost of several deployments may go to one."""
    together: dict[tuple[int, int], _Wanted] = {}
    for row in found.rows:
        for move in row.moves:
            key = (row.service.pk, move.deployment.pk)
            each = together.setdefault(key, _Wanted(row.service, move.deployment, 0, []))
            each.units += move.units
            each.lost.append(row.deployment.name)
    return list(together.values())


def _writer(service: Service, by: User, *, at: datetime) -> User | None:
    """Who may ask: this person, or for a platform owner whoever answers for the service."""
    others = [service.owner, service.deputy] if by.is_platform_owner else []
    for person in (by, *others):
        if person and not person.is_gone(at) and _may_ask(person, service):
            return person
    return None


def _may_ask(person: User, service: Service) -> bool:
    try:
        check_may_request(person, service)
    except DomainError:
        return False
    return True


def _draft(wanted: _Wanted, found: Drill, writer: User, *, by: User, at: datetime) -> None:
    purpose = f"{found.region} is lost: carries what {' and '.join(wanted.lost)} had there."
    before = CapacityRequest.objects.filter(
        state=RequestState.DRAFT,
        requester=writer,
        deployment=wanted.deployment,
        occasion=Occasion.INCIDENT,
        purpose=purpose,
    )
    draft = Draft(
        service=wanted.service,
        deployment=wanted.deployment,
        units=wanted.units,
        starts_at=found.window.start,
        ends_at=found.window.end,
        occasion=Occasion.INCIDENT,
        purpose=purpose,
    )
    kept = save_draft(draft, by=writer, at=at, saved=before.first(), written_by=by)
    if writer == by:
        return
    tell(
        Event.REQUEST_DRAFTED,
        [writer],
        subject=f"request/{kept.pk}",
        url=reverse("draft_resume", args=[kept.pk]),
        at=at,
        by=words.person_name(by),
        service=wanted.service.name,
        amount=words.on_top(wanted.deployment, wanted.units),
        deployment=str(wanted.deployment),
        why=purpose,
    )


def _record(found: Drill, count: int, *, by: User, at: datetime) -> None:
    facts = {"drafts": count, "until": found.window.end.isoformat()}
    audit.record("drill.drafted", f"region/{found.region}", actor_id=by.pk, at=at, after=facts)
