"""The policy as a pure function: facts and rules in, a verdict with reasons out.

The same facts and the same rules always give the same verdict (I16), so a decision can be judged
again years later. What is not known passes no condition, unless the rule says "or not known",
which an automatic rule cannot say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quotas.domain.policy_facts import (
    ABSENT,
    SANDBOX,
    Absent,
    FactType,
    RequestFacts,
    Value,
)
from quotas.domain.policy_rules import (
    OPERATOR_WORDS,
    Condition,
    Operator,
    Outcome,
    Policy,
    Rule,
    fact_of,
)
from quotas.domain.policy_values import written, written_limit
from quotas.domain.stages import Stage

_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.AT_MOST: lambda value, limit: value <= limit,
    Operator.BELOW: lambda value, limit: value < limit,
    Operator.AT_LEAST: lambda value, limit: value >= limit,
    Operator.ABOVE: lambda value, limit: value > limit,
    Operator.IS: lambda value, limit: value == limit,
    Operator.IS_NOT: lambda value, limit: value != limit,
    Operator.ONE_OF: lambda value, limit: value in limit,
    Operator.NONE_OF: lambda value, limit: value not in limit,
}
_FOLLOWS = {
    Outcome.AUTO: "automatic",
    Outcome.STAGES: "goes to people",
    Outcome.DENY: "refused",
}
LOW_RISK = "low risk"


@dataclass(frozen=True)
class Clause:
    """`passed`: speaks for an automatic yes. `rule` is the name of the rule that asks it."""

    name: str
    passed: bool
    sentence: str
    rule: str = ""


SMALL = Clause("kind", True, "A sandbox is granted at once.", "Sandboxes")


@dataclass(frozen=True)
class Verdict:
    """What the policy says, and why.

    `clauses` are those of the rule that said yes; else those of every automatic rule that did not,
    then those for which the deciding rule asks people or refuses. `stages` hold no condition that
    is still open: they are the ones to be asked, in their order. `risk` are the clauses of low
    risk, of what goes to people; none where the policy calls nothing low risk.
    """

    clauses: tuple[Clause, ...]
    outcome: Outcome
    rule: str = ""
    stages: tuple[Stage, ...] = ()
    reason: str = ""
    risk: tuple[Clause, ...] = ()

    @property
    def low_risk(self) -> bool:
        """Goes to people, who may approve it together with others of low risk."""
        return bool(self.risk) and all(clause.passed for clause in self.risk)

    @property
    def automatic(self) -> bool:
        return self.outcome == Outcome.AUTO

    @property
    def failed(self) -> tuple[Clause, ...]:
        return tuple(clause for clause in self.clauses if not clause.passed)


def judge(facts: RequestFacts, policy: Policy) -> Verdict:
    """The first rule for this kind whose conditions all hold decides. A sandbox is small by its
    setting, so it asks nobody: only rules that refuse are heard.
    """
    against: list[Clause] = []
    for rule in policy.rules:
        if rule.kinds and facts.kind not in rule.kinds:
            continue
        if facts.kind == SANDBOX and rule.outcome != Outcome.DENY:
            continue
        clauses = tuple(clause_of(condition, facts, rule) for condition in rule.conditions)
        if all(holds(condition, facts) for condition in rule.conditions):
            return _decided(rule, facts, policy, clauses, against)
        if rule.outcome == Outcome.AUTO:
            against += clauses
    if facts.kind == SANDBOX:
        return Verdict((SMALL,), Outcome.AUTO, SMALL.rule)
    raise ValueError("a policy ends with a rule for every request")


def _decided(
    rule: Rule,
    facts: RequestFacts,
    policy: Policy,
    clauses: tuple[Clause, ...],
    against: list[Clause],
) -> Verdict:
    if rule.outcome == Outcome.AUTO:
        return Verdict(clauses, Outcome.AUTO, rule.name)
    asked = (s.stage for s in rule.stages if s.condition is None or holds(s.condition, facts))
    return Verdict(
        (*against, *clauses),
        rule.outcome,
        rule.name,
        stages=tuple(asked),
        reason=rule.reason,
        risk=_risk(facts, policy) if rule.outcome == Outcome.STAGES else (),
    )


def _risk(facts: RequestFacts, policy: Policy) -> tuple[Clause, ...]:
    return tuple(
        Clause(
            fact_of(condition).word,
            holds(condition, facts),
            _sentence(condition, facts, LOW_RISK),
            LOW_RISK,
        )
        for condition in policy.low_risk
    )


def holds(condition: Condition, facts: RequestFacts) -> bool:
    value = fact_of(condition).read(facts)
    if value is None:
        return condition.or_unknown
    if isinstance(value, Absent):
        return condition.or_absent
    return _COMPARE[condition.operator](value, condition.value)


def clause_of(condition: Condition, facts: RequestFacts, rule: Rule) -> Clause:
    """What the fact is, and from where on the rule says otherwise. Of a rule that asks people or
    refuses, a condition that holds speaks against an automatic yes.
    """
    fact = fact_of(condition)
    held = holds(condition, facts)
    passed = held if rule.outcome == Outcome.AUTO else not held
    return Clause(fact.word, passed, _sentence(condition, facts, _FOLLOWS[rule.outcome]), rule.name)


def _sentence(condition: Condition, facts: RequestFacts, follows: str) -> str:
    fact = fact_of(condition)
    value = fact.read(facts)
    if value is None:
        return fact.unknown
    if value is ABSENT:
        return fact.absent
    if fact.type == FactType.TRUTH:
        return fact.says if value else fact.denies
    return f"{_found(condition, value, facts)}; {_limit(condition, facts.currency, follows)}."


def _found(condition: Condition, value: Value | Absent, facts: RequestFacts) -> str:
    fact = fact_of(condition)
    assert not isinstance(value, Absent)  # noqa: S101  told apart by the caller
    return fact.says.format(value=written(fact, value, facts.currency))


def _limit(condition: Condition, currency: str, follows: str) -> str:
    limit = written_limit(fact_of(condition), condition.value, currency)
    return f"{follows} {OPERATOR_WORDS[condition.operator]} {limit}"
