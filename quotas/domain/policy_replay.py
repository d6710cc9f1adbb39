"""What a policy would have said of requests that were asked already, and whether its yes would have
fitted. Pure: the same cases always give the same answer.

A collision is a yes of the policy with which the pool would have been over its room at some
instant, what was granted since counted in. The final check of an approval would have stopped it;
so it is a promise that the policy could not have kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quotas.domain.ledger import Entry
from quotas.domain.policy_facts import RequestFacts
from quotas.domain.policy_judge import Verdict, judge
from quotas.domain.policy_past import PoolPast
from quotas.domain.policy_rules import Policy

ADDS_CAPACITY = frozenset({"burst", "extension", "baseline", "sandbox"})


@dataclass(frozen=True)
class Case:
    """One request as it was sent: its facts of then, and what the policy of then said.

    `wanted` is the entry that a whole yes makes; None where nothing is known to feed it.
    """

    request_id: int
    facts: RequestFacts
    said: Verdict
    pool_id: int | None = None
    wanted: Entry | None = None


@dataclass(frozen=True)
class Compared:
    """What the one and the other say of a request."""

    request_id: int
    before: Verdict
    after: Verdict

    @property
    def differs(self) -> bool:
        """In who decides: whether it is automatic, refused, or other people are asked."""
        return self._answer(self.before) != self._answer(self.after)

    @staticmethod
    def _answer(verdict: Verdict) -> object:
        return verdict.outcome, verdict.reason, verdict.stages


@dataclass(frozen=True)
class Replay:
    compared: tuple[Compared, ...]
    collisions: tuple[int, ...]  # request ids

    @property
    def total(self) -> int:
        return len(self.compared)

    @property
    def automatic(self) -> int:
        return sum(1 for each in self.compared if each.after.automatic)

    @property
    def was_automatic(self) -> int:
        return sum(1 for each in self.compared if each.before.automatic)

    @property
    def changed(self) -> tuple[Compared, ...]:
        return tuple(each for each in self.compared if each.differs)


def replay(cases: Sequence[Case], policy: Policy, pools: Mapping[int, PoolPast]) -> Replay:
    """`cases` in the order in which they were asked. What fits is added to `pools`, so those are
    for one replay only.
    """
    compared, collisions = [], []
    for case in cases:
        verdict = judge(case.facts, policy)
        compared.append(Compared(case.request_id, case.said, verdict))
        if not verdict.automatic or case.facts.kind not in ADDS_CAPACITY:
            continue
        pool = pools.get(case.pool_id or 0)
        if case.wanted is not None and pool is not None and not pool.takes(case.wanted):
            collisions.append(case.request_id)
    return Replay(tuple(compared), tuple(collisions))
