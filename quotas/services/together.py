"""Approving several requests of low risk together: each by itself, as if it were the only one.

The policy says what low risk is (`Policy.low_risk`). Each is judged again on fresh evidence by the
version that judged it, in a transaction of its own, with the same checks as any approval: four
eyes, the open stage, the content as it was shown, every instant of the window. What is refused
leaves the others as they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import User
from quotas.domain.policy_judge import judge
from quotas.models import CapacityRequest, Decision
from quotas.selectors.policy import Policies
from quotas.services import progress
from quotas.services.answering import Answer, begin, record
from quotas.services.refusals import refuse

NOTE = "Approved together with others of low risk."


@dataclass(frozen=True)
class Picked:
    """A request, and the hash of its content as the approver saw it."""

    request: CapacityRequest
    content_hash: str


@dataclass(frozen=True)
class Outcome:
    """`refusal` None: it has this person's yes."""

    request: CapacityRequest
    refusal: DomainError | None = None


def approve_together(picked: Iterable[Picked], *, by: User, at: datetime) -> list[Outcome]:
    """In the order given. Raises nothing that one request alone would refuse."""
    policies = Policies()
    return [_one(each, policies, by=by, at=at) for each in picked]


def _one(picked: Picked, policies: Policies, *, by: User, at: datetime) -> Outcome:
    try:
        return Outcome(_approve(picked, policies, by=by, at=at))
    except DomainError as refusal:
        return Outcome(picked.request, refusal)


@transaction.atomic
def _approve(picked: Picked, policies: Policies, *, by: User, at: datetime) -> CapacityRequest:
    request = picked.request
    if request.content_hash != picked.content_hash:
        raise ChangedMeanwhile(f"Request #{request.pk}")
    answer = begin(request, by=by, at=at)
    _check_risk(answer, policies)
    return progress.go_on(answer, record(answer, Decision.Outcome.APPROVED, note=NOTE))


def _check_risk(answer: Answer, policies: Policies) -> None:
    """Raises DomainError with what speaks against low risk now."""
    assert answer.facts is not None  # noqa: S101  `begin` gathers them
    verdict = judge(answer.facts, policies.of(answer.request.policy_version))
    if verdict.low_risk:
        return
    against = next((clause.sentence for clause in verdict.risk if not clause.passed), "")
    raise refuse(
        "not_low_risk",
        f"{against or 'The policy calls nothing low risk here.'} So it is not low risk; decide on "
        "it by itself. Nothing was written.",
    )
