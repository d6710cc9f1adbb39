"""What would become of something that is asked, were it sent now: fit, policy, and what could be
asked instead. Nothing is written and nothing locked; sending it checks again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quotas.domain.policy import Policy
from quotas.domain.policy_judge import Verdict, judge
from quotas.domain.policy_rules import Outcome
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Deployment
from quotas.selectors.places import model_of
from quotas.selectors.words import amount_word
from quotas.services.asking import Draft, Kind
from quotas.services.evidence import Asked, Judged, first_start, gather
from quotas.services.instead import MOVABLE, Instead, instead_of


@dataclass(frozen=True)
class Trial:
    """`instead` is empty where it could be granted as it is. By `deployments`' ids."""

    asked: Asked
    judged: Judged
    said: Verdict
    instead: Instead
    deployments: dict[int, Deployment]

    @property
    def is_in_the_way(self) -> bool:
        """It does not fit, the policy refuses it, or it would start in a freeze."""
        return in_the_way(self.judged, self.said)


def try_out(
    draft: Draft,
    terms: Terms,
    rules: Policy,
    *,
    others: Sequence[Deployment],
    at: datetime,
    known: Judged | None = None,
    is_barred: bool = False,
) -> Trial:
    """`others` are the service's deployments that a pool feeds, with account and pool; `known` is
    what was gathered for the same deployment before (see `gather`). Where something is in the way,
    six queries more, however many deployments, places and alternatives there are.
    """
    asked = asked_of_draft(draft, terms)
    judged = gather(asked, at=at, known=known)
    said = judge(judged.facts, rules)
    sources = [asked.deployment, *_alike(asked, others)]
    found = Instead()
    if asked.units_to_fit and (is_barred or in_the_way(judged, said)):
        found = instead_of(asked, judged, sources, rules, at=at)
    return Trial(asked, judged, said, found, {each.pk: each for each in sources})


def in_the_way(judged: Judged, said: Verdict) -> bool:
    frozen = bool(judged.facts.starts_in_freeze)
    return not judged.fit.fits or said.outcome == Outcome.DENY or frozen


def asked_of_draft(draft: Draft, terms: Terms) -> Asked:
    parent: CapacityRequest | None = draft.parent
    begun_at = first_start(parent) if parent and draft.kind == Kind.EXTENSION else None
    return Asked(draft.service, draft.deployment, terms.units, terms.window, draft.kind, begun_at)


def _alike(asked: Asked, others: Sequence[Deployment]) -> list[Deployment]:
    """Those that could take a burst or a baseline instead: the same model and version, fed by
    another pool, and counted alike: what PTUs serve in tokens depends on the traffic.
    """
    if asked.kind not in MOVABLE:
        return []
    return [each for each in others if _model(each) == _model(asked.deployment)
            and each.pool_id != asked.deployment.pool_id]  # fmt: skip


def _model(deployment: Deployment) -> tuple[str, str, str, str]:
    return (*model_of(deployment), amount_word(deployment))
