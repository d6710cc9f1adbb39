"""Who hears of what happens to a request: rows of the outbox, in the same transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from portal.models import User
from portal.outbox import Event, tell
from quotas.domain.stages import ALL_OF
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Delegation
from quotas.selectors import words
from quotas.services.approvers import approvers_of
from quotas.services.stages import heard_of, voices


def tell_askers(
    event: Event,
    request: CapacityRequest,
    *,
    by: User | None,
    at: datetime,
    terms: Terms | None = None,
    note: str = "",
    occurrence: object = "",
) -> None:
    """Those who asked, less the one who did it; `terms` where they are not those asked for."""
    people = request.askers - {by.pk if by else None}
    _tell(event, request, people, by=by, at=at, terms=terms, note=note, occurrence=occurrence)


def tell_approvers(
    event: Event,
    request: CapacityRequest,
    *,
    by: User | None,
    at: datetime,
    occurrence: object = "",
    answer: str = "",
    waiting_only: bool = False,
) -> None:
    """Those whom the open stage names, and whoever decides in their place now; with `waiting_only`
    not those who said yes to it already, where it needs a yes of each.
    """
    stage = request.open_stage
    if stage is None:
        return
    named = approvers_of(request, stage, at=at)
    if waiting_only and stage.mode == ALL_OF:
        named -= heard_of(voices(request), request.stage)
    given = Delegation.objects.in_force_at(at).for_pool(request.deployment.pool_id)
    delegates = given.filter(from_person__in=named).values_list("to_person", flat=True)
    people = (named | set(delegates)) - {by.pk if by else None}
    _tell(event, request, people, by=by, at=at, occurrence=occurrence, answer=answer)


def tell_people(
    event: Event,
    request: CapacityRequest,
    people: Iterable[int],
    *,
    at: datetime,
    occurrence: object = "",
) -> None:
    """These and nobody else, of what time alone did."""
    _tell(event, request, people, by=None, at=at, occurrence=occurrence)


def _tell(
    event: Event,
    request: CapacityRequest,
    people: Iterable[Any],
    *,
    by: User | None,
    at: datetime,
    terms: Terms | None = None,
    occurrence: object = "",
    **facts: Any,
) -> None:
    window = terms.window if terms else request.window
    tell(
        event,
        [person for person in people if person is not None],
        subject=f"request/{request.pk}",
        url=request.get_absolute_url(),
        at=at,
        occurrence=occurrence,
        by=words.person_name(by, nobody="the policy"),
        service=request.service.name,
        amount=words.amount(request.deployment, terms.units if terms else request.units),
        from_at=window.start,
        until_at=window.end,
        due_at=request.deadline_at or window.end,
        **facts,
    )
