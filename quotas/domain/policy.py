"""The policy as a pure function: facts and limits in, a verdict with reasons out.

The same facts and the same version always give the same verdict (I16), so a decision can be
replayed years later. Unknown facts never pass a clause: what is not measured goes to a person.
"""

from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.kernel.errors import DomainError


@dataclass(frozen=True)
class PolicyLimits:
    """The default rule of `domain.md`: automatic inside every limit, else a platform owner."""

    auto_share_of_baseline: Decimal = Decimal("0.50")
    auto_hours: int = 72
    auto_pool_peak_share: Decimal = Decimal("0.85")
    auto_cost: Decimal = Decimal("500")  # in the installation's currency, if fully used
    auto_last_burst_used_share: Decimal = Decimal("0.40")
    longest_hours: int = 31 * 24
    review_hours: int = 7 * 24

    def as_json(self) -> dict[str, Any]:
        return {key: str(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PolicyLimits":
        """Raises DomainError naming the field that is missing, unknown or no number."""
        known = {field.name: type(getattr(cls, field.name)) for field in fields(cls)}
        if set(data) != set(known):
            odd = ", ".join(sorted(set(data) ^ set(known)))
            raise DomainError(f"The policy has missing or unknown limits: {odd}.")
        try:
            return cls(**{name: known[name](value) for name, value in data.items()})
        except (ArithmeticError, ValueError) as error:
            raise DomainError(f"A limit of the policy is not a number: {error}.") from None


@dataclass(frozen=True)
class BurstFacts:
    """What the policy looks at. None means not known."""

    extra_units: int
    baseline_units: int
    hours: Decimal
    pool_peak_share: Decimal  # of the room, after the grant, at the worst instant
    cost_if_fully_used: Decimal | None
    last_burst_used_share: Decimal | None
    had_a_burst: bool
    owner_is_active: bool
    is_provisioned: bool
    currency: str = "USD"  # of the cost and of the policy's own limit

    def as_json(self) -> dict[str, Any]:
        return {k: str(v) if isinstance(v, Decimal) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "BurstFacts":
        decimals = {"hours", "pool_peak_share", "cost_if_fully_used", "last_burst_used_share"}
        facts: dict[str, Any] = {
            key: Decimal(value) if key in decimals and value is not None else value
            for key, value in data.items()
        }
        return cls(**facts)


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


LAST_CALL = timedelta(minutes=15)  # an answer after this would come too late to matter


def answer_by(submitted_at: datetime, ends_at: datetime, limits: PolicyLimits) -> datetime:
    """min(the stage's limit, end − 15 min); a quarter of an hour to read it, never past its end."""
    stage = submitted_at + timedelta(hours=limits.review_hours)
    return min(stage, max(ends_at - LAST_CALL, min(submitted_at + LAST_CALL, ends_at)))


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
                "The service has an active owner."
                if facts.owner_is_active
                else "The owner of the service is no longer active.",
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
