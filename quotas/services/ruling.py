"""What the policy says of a request, with the evidence that it was judged on."""

from dataclasses import dataclass
from datetime import datetime

from quotas.domain.policy import Policy
from quotas.domain.policy_judge import Verdict, judge
from quotas.domain.policy_rules import Outcome
from quotas.models import CapacityRequest, Evidence
from quotas.services import evidence, evidence_rows, policy
from quotas.services.refusals import does_not_fit, policy_refuses


@dataclass(frozen=True)
class Ruling:
    """`version` is the number of the policy; the evidence is frozen with the request."""

    version: int
    rules: Policy
    judged: evidence.Judged
    verdict: Verdict
    seen: Evidence


def rule(request: CapacityRequest, *, at: datetime, must_fit: bool = True) -> Ruling:
    """Gathers the evidence, stores it and judges. Raises DomainError where it does not fit, or
    where the policy refuses it.
    """
    number, rules = policy.current(at=at)
    judged = evidence.gather(evidence.asked_of(request), at=at)
    if must_fit and not judged.fit.fits:
        raise does_not_fit(request.deployment, judged.fit)
    verdict = judge(judged.facts, rules)
    if verdict.outcome == Outcome.DENY and not is_always_granted(request):
        raise policy_refuses(verdict.reason, number)
    seen = evidence_rows.store(request, judged, at=at)
    return Ruling(number, rules, judged, verdict, seen)


def is_always_granted(request: CapacityRequest) -> bool:
    """Giving back is, whatever a policy says; a smaller baseline gives back."""
    return request.units < 0
