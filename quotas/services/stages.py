"""Whose turn it is: the open stage of a request, who may answer it, and when it is answered.

Nobody decides on their own request: not who asked, not on whose behalf, not a delegate of either
(I6). One person, one stage: who approved one stands for no other. A delegate speaks for one person
whom the stage names. Once a request was escalated, the fallback approvers of its pool may answer
the stages of its owners too.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from portal.kernel.errors import DomainError
from portal.models import Role, User
from quotas.domain.stages import (
    ALL_OF,
    FINANCE,
    PEOPLE,
    POOL_OWNERS,
    ROLE,
    Stage,
    is_complete,
    stages_from_json,
)
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Decision, Delegation
from quotas.services.refusals import refuse


@dataclass(frozen=True)
class Voice:
    """For whom somebody answers: None for themselves, else the person whose delegate they are."""

    delegated_by_id: int | None = None


def approvers_of(request: CapacityRequest, stage: Stage) -> frozenset[int]:
    """The ids of the active people whom the stage names, without those who ask. Empty: nobody can
    answer it, and it times out with an alarm.
    """
    named = User.objects.filter(is_active=True, pk__in=_named(request, stage))
    return frozenset(named.values_list("pk", flat=True)) - _askers(request)


def _named(request: CapacityRequest, stage: Stage) -> set[int]:
    if stage.approvers == PEOPLE:
        return set(stage.people)
    if stage.approvers == FINANCE:
        return _in_role(Role.FINANCE)
    if stage.approvers == ROLE:
        return _in_role(stage.role)
    if stage.approvers == POOL_OWNERS:
        return _pool_owners(request, stage)
    return set()


def _in_role(role: str) -> set[int]:
    return set(User.objects.filter(role_grants__role=role).values_list("pk", flat=True))


def _pool_owners(request: CapacityRequest, stage: Stage) -> set[int]:
    """Of any: the owners of the pool and of the platform. Of all: the pool's own, where it has any
    who did not ask.
    """
    pool = request.deployment.pool
    if pool is None:
        return set()
    own = set(pool.owners.filter(is_active=True).values_list("pk", flat=True))
    if stage.mode == ALL_OF:
        return (own - _askers(request)) or _in_role(Role.PLATFORM_OWNER)
    fallback = set(pool.fallback_approvers.values_list("pk", flat=True))
    return own | _in_role(Role.PLATFORM_OWNER) | (fallback if request.escalated_at else set())


def _askers(request: CapacityRequest) -> set[int]:
    asked = {request.requester_id, request.on_behalf_of_id}
    return {person for person in asked if person is not None}


def voice_of(request: CapacityRequest, by: User, *, at: datetime) -> Voice:
    """For whom this person may answer the open stage. Raises DomainError with the reason, where
    they may not; the state of the request is checked too.
    """
    stage = request.open_stage
    if request.state not in (RequestState.SUBMITTED, RequestState.IN_REVIEW) or stage is None:
        raise not_open(request)
    if by.pk in _askers(request):
        raise refuse(
            "self_approval",
            "Nobody decides on their own request. Another owner of the pool has to do it.",
        )
    if _delegations(request, at=at).filter(from_person__in=_askers(request), to_person=by).exists():
        raise refuse(
            "self_approval",
            "Whoever asks has let you decide in their place, so you cannot decide on their own "
            "request. Another approver has to do it.",
        )
    if _approved_another(request, by):
        raise refuse(
            "one_stage_each",
            "You have approved this request already; the next stage needs another person.",
        )
    return _voice(request, stage, by, at=at)


def may_decide(request: CapacityRequest, by: User, *, at: datetime) -> bool:
    try:
        voice_of(request, by, at=at)
    except DomainError:
        return False
    return True


def _voice(request: CapacityRequest, stage: Stage, by: User, *, at: datetime) -> Voice:
    asked = approvers_of(request, stage)
    heard = heard_at(request, request.stage)
    if by.pk in asked - heard and by.is_active:
        return Voice()
    given = _delegations(request, at=at).filter(to_person=by, from_person__in=asked - heard)
    first = given.order_by("effective_from", "pk").values_list("from_person", flat=True).first()
    if first is None or not by.is_active:
        who = {POOL_OWNERS: "an owner of this pool", FINANCE: "somebody of finance"}
        raise refuse(
            "not_an_approver",
            f"Only {who.get(stage.approvers, 'those whom the policy names')} may decide on the "
            f"request at this stage ({stage.name}).",
        )
    return Voice(first)


def _delegations(request: CapacityRequest, *, at: datetime) -> QuerySet[Delegation]:
    found: QuerySet[Delegation] = Delegation.objects.in_force_at(at).for_pool(
        request.deployment.pool_id
    )
    return found


def _approved_another(request: CapacityRequest, by: User) -> bool:
    return standing_approvals(request).filter(decided_by=by).exists()


def standing_approvals(request: CapacityRequest) -> QuerySet[Decision]:
    """Those that count: given, or carried over, for exactly this content."""
    return Decision.objects.filter(
        request=request,
        outcome__in=Decision.APPROVALS,
        voided_at__isnull=True,
        content_hash=request.content_hash,
    )


def heard_at(request: CapacityRequest, stage: int) -> frozenset[int]:
    """Who approved the stage of this number: where a delegate did, the person they stood for."""
    rows = standing_approvals(request).filter(stage=stage)
    return frozenset(
        delegated_by or person
        for person, delegated_by in rows.values_list("decided_by", "delegated_by")
        if person is not None
    )


def check_chain(request: CapacityRequest) -> None:
    """I5: every stage was approved for exactly this content, or the policy said yes to it.

    Raises DomainError; the last gate before anything is granted. Who had to be asked was settled
    when each stage was answered; here each of them must still stand.
    """
    stages = stages_from_json(request.stages)
    if not stages:
        complete = standing_approvals(request).filter(decided_by__isnull=True).exists()
    else:
        complete = all(heard_at(request, number) for number in range(1, len(stages) + 1))
    if not complete:
        raise refuse(
            "chain_incomplete",
            "Not every stage has approved what is asked now, so nothing was granted. Look at the "
            "request again: it goes on with the stage that is open.",
        )


def first_unanswered(request: CapacityRequest) -> int:
    """The number of the first stage that not enough people approved; 0 when all are answered."""
    for number, stage in enumerate(stages_from_json(request.stages), start=1):
        asked = approvers_of(request, stage)
        if not is_complete(stage, asked=asked, said_yes=heard_at(request, number)):
            return number
    return 0


def not_open(request: CapacityRequest) -> DomainError:
    label = RequestState(request.state).label.lower()
    return refuse("already_ended", f"This request is {label} already; nothing was changed.")
