"""A policy in plain sentences: the page, the API and the differences between two read the same."""

from collections.abc import Callable
from dataclasses import dataclass

from quotas.domain.policy_facts import Fact, FactType
from quotas.domain.policy_rules import (
    Condition,
    Operator,
    Outcome,
    Policy,
    Rule,
    StageRule,
    fact_of,
)
from quotas.domain.policy_values import written_limit
from quotas.domain.stages import ALL_OF, FINANCE, PEOPLE, POOL_OWNERS, Stage

Named = Callable[[int], str]  # what to call the person with this id

COMPARED = {
    Operator.AT_MOST: "at most",
    Operator.BELOW: "below",
    Operator.AT_LEAST: "at least",
    Operator.ABOVE: "above",
    Operator.IS: "exactly",
    Operator.IS_NOT: "anything but",
    Operator.ONE_OF: "",
    Operator.NONE_OF: "neither",
}
KIND_WORDS = {
    "burst": "bursts",
    "baseline": "changes of a baseline",
    "extension": "extensions",
    "give_back": "give-backs",
    "transfer": "transfers",
    "sandbox": "sandboxes",
}
LOW_RISK = "Low risk"
LOW_RISK_HEAD = (
    "What goes to people is low risk, and may be approved together with others, where all of this "
    "holds:"
)
NOTHING_LOW_RISK = "Nothing counts as low risk: each request is decided by itself."
ROLE_WORDS = {"platform_owner": "the platform owners", "finance": "finance"}


@dataclass(frozen=True)
class RuleWords:
    """`head` says for what and what follows; `lines` when, or by whom."""

    name: str
    head: str
    lines: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (self.head, *self.lines)


def in_words(policy: Policy, *, currency: str, named: Named) -> tuple[RuleWords, ...]:
    return tuple(rule_in_words(rule, currency=currency, named=named) for rule in policy.rules)


def low_risk_in_words(policy: Policy, *, currency: str) -> RuleWords:
    """What may be approved together with others; a line for each condition."""
    lines = tuple(condition_in_words(c, currency) for c in policy.low_risk)
    return RuleWords(LOW_RISK, LOW_RISK_HEAD if lines else NOTHING_LOW_RISK, lines)


def rule_in_words(rule: Rule, *, currency: str, named: Named) -> RuleWords:
    conditions = tuple(condition_in_words(c, currency) for c in rule.conditions)
    stages = tuple(stage_in_words(stage, currency, named) for stage in rule.stages)
    return RuleWords(rule.name, _head(rule), (*conditions, *stages))


def longest_in_words(policy: Policy) -> str:
    return f"A burst lasts {hours_in_words(policy.longest_hours)} at most."


FOLLOWS = {
    Outcome.AUTO: "approved at once",
    Outcome.STAGES: "answered by people",
    Outcome.DENY: "refused",
}


def _head(rule: Rule) -> str:
    kinds = _listed([KIND_WORDS[kind] for kind in rule.kinds], "and")
    what = f"{_upper(kinds)} are" if kinds else "Every request is"
    when = " where all of this holds" if rule.conditions else ""
    reason = f" with the reason “{rule.reason}”" if rule.reason else ""
    return f"{what} {FOLLOWS[rule.outcome]}{reason}{when}{':' if when or rule.stages else '.'}"


def condition_in_words(condition: Condition, currency: str) -> str:
    fact = fact_of(condition)
    also = [
        *([_absent(fact)] if condition.or_absent else []),
        *(["or it is not known"] if condition.or_unknown else []),
    ]
    return ", ".join([_held(condition, fact, currency), *also])


def _held(condition: Condition, fact: Fact, currency: str) -> str:
    if fact.type == FactType.TRUTH:
        return (fact.says if condition.value else fact.denies).rstrip(".")
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    written = [written_limit(fact, value, currency) for value in values]
    joined = _listed(written, "nor" if condition.operator == Operator.NONE_OF else "or")
    compared = COMPARED[condition.operator]
    if fact.type == FactType.CHOICE and condition.operator == Operator.IS:
        compared = ""
    return f"{_upper(fact.word)}: {compared} {joined}".replace("  ", " ")


def _absent(fact: Fact) -> str:
    return "or " + fact.absent[0].lower() + fact.absent[1:].rstrip(".")


def stage_in_words(asked: StageRule, currency: str, named: Named) -> str:
    stage = asked.stage
    only = ""
    if asked.condition:
        held = condition_in_words(asked.condition, currency)
        only = f"; only where {held[0].lower()}{held[1:]}"
    return f"{stage.name}: {who_in_words(stage, named)}, within {hours_in_words(stage.hours)}{only}"


def who_in_words(stage: Stage, named: Named) -> str:
    if stage.approvers == PEOPLE:
        people = [named(person) for person in stage.people]
        return _listed(people, "and" if stage.mode == ALL_OF else "or")
    who = {POOL_OWNERS: "the owners of the pool", FINANCE: "finance"}.get(
        stage.approvers, ROLE_WORDS.get(stage.role, stage.role)
    )
    return f"each of {who}" if stage.mode == ALL_OF else f"one of {who}"


def hours_in_words(hours: int) -> str:
    if hours % 24 == 0 and hours >= 48:
        return f"{hours // 24} days"
    return "1 hour" if hours == 1 else f"{hours} hours"


def _listed(words: list[str], last: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
