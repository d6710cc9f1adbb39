"""Whose turn it is: who may answer the open stage of a request, and when it is answered.

Nobody decides on their own request: not who asked, not on whose behalf, not a delegate of either
(I6). One person, one stage: who approved one stands for no other. A delegate speaks for one person
whom the stage names. Once a request was escalated, the fallback approvers of its pool may answer
the stages of its owners too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet

from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.stages import FINANCE, POOL_OWNERS, Stage, is_complete, stages_from_json
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Decision
from quotas.services.approvers import Turn, approvers_of, turn_of
from quotas.services.refusals import refuse


@dataclass(frozen=True)
class Voice:
    """For whom somebody answers: None for themselves, else the person whose delegate they are."""

    delegated_by_id: int | None = None
    heard: tuple["Spoken", ...] | None = None  # what was said before, where that was read


class Spoken(NamedTuple):
    """An approval that stands: by whom (None: the policy), in whose place, and its terms, as of a
    `Decision`.
    """

    stage: int
    decided_by: int | None
    delegated_by: int | None
    outcome: str
    units: int | None
    starts_at: datetime | None
    ends_at: datetime | None


SPOKEN_COLUMNS = ("stage", "decided_by_id", "delegated_by_id", "outcome", "units", "starts_at",
                  "ends_at")  # fmt: skip


def voice_of(
    request: CapacityRequest,
    by: User,
    *,
    at: datetime,
    turn: Turn | None = None,
    heard: Sequence[Spoken] | None = None,
) -> Voice:
    """For whom this person may answer the open stage. Raises DomainError with the reason, where
    they may not; the state of the request is checked too. `turn` and `heard`, the approvals that
    stand, where they were read just before.
    """
    stage = request.open_stage
    if request.state not in (RequestState.SUBMITTED, RequestState.IN_REVIEW) or stage is None:
        raise not_open(request)
    if by.pk in request.askers:
        raise refuse(
            "self_approval",
            "Nobody decides on their own request. Another owner of the pool has to do it.",
        )
    turn = turn or turn_of(request, by, at=at)
    if request.askers & set(turn.given_by):
        raise refuse(
            "self_approval",
            "Whoever asks has let you decide in their place, so you cannot decide on their own "
            "request. Another approver has to do it.",
        )
    heard = voices(request) if heard is None else heard
    if any(each.decided_by == by.pk for each in heard):
        raise refuse(
            "one_stage_each",
            "You have approved this request already; the next stage needs another person.",
        )
    waiting = turn.asked - heard_of(heard, request.stage) if by.is_active else frozenset()
    if by.pk in waiting:
        return Voice(heard=tuple(heard))
    first = next((person for person in turn.given_by if person in waiting), None)
    if first is None:
        raise _not_asked(stage)
    return Voice(first, tuple(heard))


def _not_asked(stage: Stage) -> DomainError:
    who = {POOL_OWNERS: "an owner of this pool", FINANCE: "somebody of finance"}
    return refuse(
        "not_an_approver",
        f"Only {who.get(stage.approvers, 'those whom the policy names')} may decide on the "
        f"request at this stage ({stage.name}).",
    )


def may_decide(request: CapacityRequest, by: User, *, at: datetime) -> bool:
    try:
        voice_of(request, by, at=at)
    except DomainError:
        return False
    return True


def standing_approvals(request: CapacityRequest) -> QuerySet[Decision]:
    """Those that count: given, or carried over, for exactly this content."""
    return Decision.objects.filter(
        request=request,
        outcome__in=Decision.APPROVALS,
        voided_at__isnull=True,
        content_hash=request.content_hash,
    )


def voices(request: CapacityRequest) -> list[Spoken]:
    """Every approval that stands. One query."""
    rows = standing_approvals(request).order_by()
    return [Spoken(*row) for row in rows.values_list(*SPOKEN_COLUMNS)]


def heard_of(spoken: Sequence[Spoken], stage: int) -> frozenset[int]:
    """Who approved the stage of this number: where a delegate did, the person they stood for."""
    people = (each.delegated_by or each.decided_by for each in spoken if each.stage == stage)
    return frozenset(person for person in people if person is not None)


def check_chain(request: CapacityRequest, spoken: Sequence[Spoken]) -> None:
    """I5: every stage was approved for exactly this content, or the policy said yes to it.

    Raises DomainError; the last gate before anything is granted. Who had to be asked was settled
    when each stage was answered; here each of them must still stand. `spoken` are all approvals
    that stand, read after the last of them was written.
    """
    stages = stages_from_json(request.stages)
    if not stages:
        complete = any(each.decided_by is None for each in spoken)
    else:
        complete = all(heard_of(spoken, number) for number in range(1, len(stages) + 1))
    if not complete:
        raise refuse(
            "chain_incomplete",
            "Not every stage has approved what is asked now, so nothing was granted. Look at the "
            "request again: it goes on with the stage that is open.",
        )


def first_unanswered(
    request: CapacityRequest,
    spoken: Sequence[Spoken],
    *,
    at: datetime,
    asked: frozenset[int] | None = None,
) -> int:
    """The number of the first stage that not enough people approved; 0 when all are answered.
    `asked` are the approvers of the open stage, where they were read just before.
    """
    for number, stage in enumerate(stages_from_json(request.stages), start=1):
        known = asked is not None and number == request.stage
        named = asked if known and asked is not None else approvers_of(request, stage, at=at)
        if not is_complete(stage, asked=named, said_yes=heard_of(spoken, number)):
            return number
    return 0


def not_open(request: CapacityRequest) -> DomainError:
    label = RequestState(request.state).label.lower()
    return refuse("already_ended", f"This request is {label} already; nothing was changed.")
