"""How the policy was judged before it had rules: the yardstick for decisions of that time (I16).

Kept as it was, for tests only.
"""

from dataclasses import dataclass
from decimal import Decimal

from quotas.domain.policy import PolicyLimits
from quotas.domain.policy_facts import RequestFacts as BurstFacts


@dataclass(frozen=True)
class Clause:
    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """`automatic` when every clause passed; otherwise a platform owner decides."""

    clauses: tuple[Clause, ...]

    @property
    def automatic(self) -> bool:
        return all(clause.passed for clause in self.clauses)

    @property
    def failed(self) -> tuple[Clause, ...]:
        return tuple(clause for clause in self.clauses if not clause.passed)


def judge_burst(facts: BurstFacts, limits: PolicyLimits) -> Verdict:
    """Every clause is answered, passed or not, so a card can show them all."""
    return Verdict(
        (
            _share_of_baseline(facts, limits),
            _length(facts, limits),
            _pool_peak(facts, limits),
            _cost(facts, limits),
            _last_burst(facts, limits),
            Clause(
                "owner",
                facts.owner_is_active,
                "The owner of the service is there."
                if facts.owner_is_active
                else "The owner of the service is gone: no longer active, or not seen for long.",
            ),
        )
    )


def _percent(share: Decimal) -> str:
    return f"{share * 100:.0f} %"


def _share_of_baseline(facts: BurstFacts, limits: PolicyLimits) -> Clause:
    passed = facts.extra_units <= facts.baseline_units * limits.auto_share_of_baseline
    limit = _percent(limits.auto_share_of_baseline)
    if not facts.baseline_units:
        return Clause("share of baseline", False, "There is no baseline to compare with.")
    share = _percent(Decimal(facts.extra_units) / facts.baseline_units)
    return Clause(
        "share of baseline",
        passed,
        f"Asks {share} of the baseline on top; automatic up to {limit}.",
    )


def _length_words(hours: Decimal) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _length(facts: BurstFacts, limits: PolicyLimits) -> Clause:
    return Clause(
        "length",
        facts.hours <= limits.auto_hours,
        f"Lasts {_length_words(facts.hours)}; automatic up to {limits.auto_hours} h.",
    )


def _pool_peak(facts: BurstFacts, limits: PolicyLimits) -> Clause:
    return Clause(
        "pool peak",
        facts.pool_peak_share <= limits.auto_pool_peak_share,
        f"The pool would be {_percent(facts.pool_peak_share)} held at its fullest; "
        f"automatic up to {_percent(limits.auto_pool_peak_share)}.",
    )


def _cost(facts: BurstFacts, limits: PolicyLimits) -> Clause:
    cost = facts.cost_if_fully_used
    if cost is None:
        return Clause("cost", False, "What it would cost is not known: no price or no use yet.")
    return Clause(
        "cost",
        cost <= limits.auto_cost,
        f"Costs up to {cost:,.0f} {facts.currency} if fully used; "
        f"automatic up to {limits.auto_cost:,.0f} {facts.currency}.",
    )


def _last_burst(facts: BurstFacts, limits: PolicyLimits) -> Clause:
    if not facts.had_a_burst:
        return Clause("last burst", True, "No burst before this one to compare with.")
    used = facts.last_burst_used_share
    if used is None:
        return Clause("last burst", False, "How much of the last burst was used is not known.")
    return Clause(
        "last burst",
        used >= limits.auto_last_burst_used_share,
        f"Used {_percent(used)} of the last burst; "
        f"automatic from {_percent(limits.auto_last_burst_used_share)}.",
    )
