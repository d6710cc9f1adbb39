"""The tables of `docs/reference/policy.md`, made from the code; a test holds the page equal."""

from collections.abc import Iterable

from quotas.domain.policy_facts import FACTS, Fact, FactType
from quotas.domain.policy_rules import (
    APPROVERS,
    MODES,
    OPERATOR_WORDS,
    ROLES,
    Operator,
    operators_of,
)

OF_TYPE = {
    FactType.UNITS: "whole units",
    FactType.SHARE: "share: `0.5`, or `50 %`",
    FactType.HOURS: "hours",
    FactType.MONEY: "money, in the installation's currency",
    FactType.NUMBER: "whole, 1 to 4",
    FactType.TRUTH: "`true` or `false`",
}
MEANS = {
    Operator.AT_MOST: "the fact is the value or less",
    Operator.BELOW: "less than the value",
    Operator.AT_LEAST: "the value or more",
    Operator.ABOVE: "more than the value",
    Operator.IS: "the value itself",
    Operator.IS_NOT: "known, and not the value",
    Operator.ONE_OF: "one of a list of values",
    Operator.NONE_OF: "known, and none of a list of values",
}


def facts_table() -> list[str]:
    head = ["| fact | on pages | value | what it is | may be |", "|---|---|---|---|---|"]
    return head + [_row(fact) for fact in FACTS.values()]


def _row(fact: Fact) -> str:
    values = _code(fact.choices) if fact.choices else OF_TYPE[fact.type]
    absent = f"absent: {fact.absent[0].lower()}{fact.absent[1:].rstrip('.')}" if fact.absent else ""
    may_be = "; ".join(word for word in ("not known" if fact.unknown else "", absent) if word)
    return f"| `{fact.key}` | {fact.word} | {values} | {fact.meaning} | {may_be or '–'} |"


def operators_table() -> list[str]:
    head = ["| operator | holds where | in a clause | for |", "|---|---|---|---|"]
    return head + [
        f"| `{o}` | {MEANS[o]} | “{OPERATOR_WORDS[o]} …” | {_types(o)} |" for o in Operator
    ]


def _types(operator: Operator) -> str:
    found = {f.type for f in FACTS.values() if operator in operators_of(f)}
    return ", ".join(kind.value for kind in FactType if kind in found)


def words_of_stages() -> str:
    return f"`mode`: {_code(MODES)}. `approvers`: {_code(APPROVERS)}. `role`: {_code(ROLES)}."


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
