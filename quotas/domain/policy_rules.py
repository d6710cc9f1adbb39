"""A policy as a value: ordered rules, each with conditions over facts and what follows from them.

Built by `policy_reading.read_policy` from JSON, which checks everything; `as_json` is its inverse.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from quotas.domain.policy_facts import FACTS, Fact, FactType, Value
from quotas.domain.stages import ALL_OF, ANY_OF, FINANCE, PEOPLE, POOL_OWNERS, ROLE, Stage


class Operator(StrEnum):
    AT_MOST = "at_most"
    BELOW = "below"
    AT_LEAST = "at_least"
    ABOVE = "above"
    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    NONE_OF = "none_of"


# In a sentence before a value: "automatic up to 72 h", "refused above 72 h".
OPERATOR_WORDS = {
    Operator.AT_MOST: "up to",
    Operator.BELOW: "below",
    Operator.AT_LEAST: "from",
    Operator.ABOVE: "above",
    Operator.IS: "at",
    Operator.IS_NOT: "for all but",
    Operator.ONE_OF: "for",
    Operator.NONE_OF: "for all but",
}
ORDERED = frozenset({Operator.AT_MOST, Operator.BELOW, Operator.AT_LEAST, Operator.ABOVE})
LISTED = frozenset({Operator.ONE_OF, Operator.NONE_OF})
EQUAL = frozenset({Operator.IS, Operator.IS_NOT})


def operators_of(fact: Fact) -> tuple[Operator, ...]:
    """Those that make sense for the fact's type, in the order in which a form offers them."""
    if fact.type == FactType.TRUTH:
        return (Operator.IS,)
    allowed = EQUAL | LISTED if fact.type == FactType.CHOICE else ORDERED | EQUAL
    return tuple(operator for operator in Operator if operator in allowed)


class Outcome(StrEnum):
    AUTO = "auto"
    STAGES = "stages"
    DENY = "deny"


MODES = (ANY_OF, ALL_OF)
APPROVERS = (POOL_OWNERS, FINANCE, ROLE, PEOPLE)
ROLES = ("platform_owner", "finance")  # the roles of portal.models.Role that may decide
USUAL_REVIEW_HOURS = 7 * 24


@dataclass(frozen=True)
class Condition:
    """One fact held against a value. `or_unknown` and `or_absent` let it hold where the fact is
    not known, or does not exist; without them it does not.
    """

    fact: str
    operator: Operator
    value: Value | tuple[Value, ...]
    or_unknown: bool = False
    or_absent: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "fact": self.fact,
            "is": self.operator.value,
            "value": _plain(self.value),
            **({"or_unknown": True} if self.or_unknown else {}),
            **({"or_absent": True} if self.or_absent else {}),
        }


@dataclass(frozen=True)
class StageRule:
    """A stage, and where it is asked: everywhere, or only where its condition holds."""

    stage: Stage
    condition: Condition | None = None

    def as_json(self) -> dict[str, Any]:
        asked = {"condition": self.condition.as_json()} if self.condition else {}
        return {**self.stage.as_json(), **asked}


@dataclass(frozen=True)
class Rule:
    """Decides where every condition holds. `kinds` empty: for every kind of request."""

    name: str
    outcome: Outcome
    kinds: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    stages: tuple[StageRule, ...] = ()
    reason: str = ""  # of a refusal, as the requester reads it

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kinds": list(self.kinds),
            "when": [condition.as_json() for condition in self.conditions],
            "then": self.outcome.value,
            **({"stages": [stage.as_json() for stage in self.stages]} if self.stages else {}),
            **({"reason": self.reason} if self.reason else {}),
        }


@dataclass(frozen=True)
class Policy:
    """The rules in their order: the first whose conditions hold decides. The last one has none and
    is not automatic, so there is always an answer, and it is never yes by accident.

    `low_risk`: what goes to people counts as low risk where all of these hold, and may be approved
    together with others. Without any, nothing counts as low risk.
    """

    rules: tuple[Rule, ...]
    longest_hours: int  # of a burst
    low_risk: tuple[Condition, ...] = ()

    def as_json(self) -> dict[str, Any]:
        low_risk = {"low_risk": [condition.as_json() for condition in self.low_risk]}
        return {
            "longest_hours": self.longest_hours,
            "rules": [rule.as_json() for rule in self.rules],
            **(low_risk if self.low_risk else {}),
        }

    @property
    def review_hours(self) -> int:
        """Of the first stage of the last rule that asks people: the time they usually have."""
        stages = (asked.stage for rule in reversed(self.rules) for asked in rule.stages)
        return next((stage.hours for stage in stages), USUAL_REVIEW_HOURS)


def _plain(value: Value | tuple[Value, ...]) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Decimal) else value


def fact_of(condition: Condition) -> Fact:
    return FACTS[condition.fact]
