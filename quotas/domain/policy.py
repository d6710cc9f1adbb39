"""The policy that Headroom begins with, and the form in which policies were kept before rules.

`policy_rules` says what a policy is, `policy_judge` what follows from it, `policy_reading` what is
wrong with one.
"""

from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from portal.kernel.errors import DomainError
from quotas.domain.policy_facts import RequestFacts
from quotas.domain.policy_reading import read_policy
from quotas.domain.policy_rules import (
    Condition,
    Operator,
    Outcome,
    Policy,
    Rule,
    StageRule,
)
from quotas.domain.stages import ANY_OF, FINANCE, POOL_OWNERS, Stage

__all__ = ["DEFAULT", "Policy", "PolicyLimits", "RequestFacts", "stored"]


@dataclass(frozen=True)
class PolicyLimits:
    """How a policy was stored before it had rules. Kept to read those versions."""

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


GIVING_BACK = Rule("Giving back", Outcome.AUTO, kinds=("give_back",))
SMALLER_BASELINE = Rule(
    "A smaller baseline",
    Outcome.AUTO,
    kinds=("baseline",),
    conditions=(Condition("extra_units", Operator.AT_MOST, 0),),
)
FINANCE_STAGE = StageRule(
    Stage("Finance", ANY_OF, FINANCE, 3 * 24),
    Condition("cost_if_fully_used", Operator.ABOVE, Decimal(5000)),
)


def ordinary_bursts(limits: PolicyLimits) -> Rule:
    """Automatic inside every limit; what is not known is outside."""
    return Rule(
        "Ordinary bursts",
        Outcome.AUTO,
        kinds=("burst", "extension"),
        conditions=(
            Condition("share_of_baseline", Operator.AT_MOST, limits.auto_share_of_baseline),
            Condition("hours", Operator.AT_MOST, Decimal(limits.auto_hours)),
            Condition("pool_peak_share", Operator.AT_MOST, limits.auto_pool_peak_share),
            Condition("cost_if_fully_used", Operator.AT_MOST, limits.auto_cost),
            Condition(
                "last_burst_used_share",
                Operator.AT_LEAST,
                limits.auto_last_burst_used_share,
                or_absent=True,
            ),
            Condition("owner_is_active", Operator.IS, True),
        ),
    )


def everything_else(limits: PolicyLimits, *more: StageRule) -> Rule:
    owners = Stage("Platform owners", ANY_OF, POOL_OWNERS, limits.review_hours)
    return Rule("Everything else", Outcome.STAGES, stages=(StageRule(owners), *more))


def of_limits(limits: PolicyLimits) -> Policy:
    """What a policy of the old form means: it knew bursts only, and one stage."""
    return Policy((ordinary_bursts(limits), everything_else(limits)), limits.longest_hours)


# Like an ordinary burst, but larger, longer or dearer than what is approved at once.
LOW_RISK = (
    Condition("share_of_baseline", Operator.AT_MOST, Decimal(1)),
    Condition("hours", Operator.AT_MOST, Decimal(7 * 24)),
    Condition("pool_peak_share", Operator.AT_MOST, Decimal("0.85")),
    Condition("cost_if_fully_used", Operator.AT_MOST, Decimal(1000)),
    Condition("last_burst_used_share", Operator.AT_LEAST, Decimal("0.40"), or_absent=True),
    Condition("denied_lately", Operator.IS, False),
    Condition("starts_in_freeze", Operator.IS, False),
    Condition("owner_is_active", Operator.IS, True),
)


def _default() -> Policy:
    limits = PolicyLimits()
    return Policy(
        (
            GIVING_BACK,
            SMALLER_BASELINE,
            ordinary_bursts(limits),
            everything_else(limits, FINANCE_STAGE),
        ),
        limits.longest_hours,
        LOW_RISK,
    )


DEFAULT = _default()


def stored(content: dict[str, Any]) -> Policy:
    """A policy as a version keeps it, in either form. Raises DomainError for what is neither."""
    if "rules" in content:
        return read_policy(content)
    return of_limits(PolicyLimits.from_json(content))
