"""Reads a policy from JSON (or YAML, already parsed) and says everything that is wrong at once.

A problem names its place, as a path into the document (`rules.0.when.1.value`), and is a sentence
that names the rule and the field, so a page, a command and the API all say the same.
"""

from dataclasses import dataclass
from typing import Any

from portal.kernel.errors import DomainError
from quotas.domain.policy_facts import KINDS, SANDBOX
from quotas.domain.policy_fields import Problem, Reader
from quotas.domain.policy_reading_conditions import read_condition
from quotas.domain.policy_rules import (
    APPROVERS,
    MODES,
    ROLES,
    Condition,
    Outcome,
    Policy,
    Rule,
    StageRule,
)
from quotas.domain.stages import PEOPLE, ROLE, Stage

MOST_RULES, MOST_CONDITIONS, MOST_STAGES, MOST_PEOPLE = 30, 20, 8, 50
LONGEST_HOURS = 366 * 24
LONGEST_STAGE_HOURS = 90 * 24
NAME_LENGTH, REASON_LENGTH = 60, 400


class PolicyInvalid(DomainError):
    """`problems` are all of them; the sentence is the first, and how many follow."""

    code = "policy_invalid"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        more = len(problems) - 1
        tail = f" ({more} more to put right.)" if more else ""
        super().__init__(problems[0].sentence + tail)
        self.problems = problems


@dataclass(frozen=True)
class _RuleSoFar:
    name: str
    outcome: Outcome | None
    kinds: tuple[str, ...]
    conditions: tuple[Condition | None, ...]
    stages: tuple[StageRule | None, ...]
    reason: str


def read_policy(data: Any) -> Policy:
    """Raises PolicyInvalid with every problem that was found."""
    top = Reader("", "The policy")
    found = top.mapping(data, {"longest_hours", "rules", "low_risk"})
    longest = top.whole(found, "longest_hours", least=1, most=LONGEST_HOURS)
    rows = top.listed(found, "rules", least=1, most=MOST_RULES)
    rules = [_rule(row, number, top) for number, row in enumerate(rows)]
    _check_names(rules, top)
    _check_last(rules, top)
    low_risk = _low_risk(found, top)
    if top.problems:
        raise PolicyInvalid(tuple(top.problems))
    assert longest is not None  # noqa: S101  else there is a problem
    known = tuple(condition for condition in low_risk if condition)
    return Policy(tuple(_finished(rule) for rule in rules), longest, known)


def _low_risk(found: dict[str, Any], top: Reader) -> tuple[Condition | None, ...]:
    """As an automatic rule, it never passes on what is not known."""
    rows = top.listed(found, "low_risk", least=0, most=MOST_CONDITIONS)
    return tuple(
        read_condition(
            row, top.within(f"low_risk.{n}", f"Low risk, condition {n + 1}"), automatic=True
        )
        for n, row in enumerate(rows)
    )


def _rule(row: Any, number: int, top: Reader) -> _RuleSoFar:
    title = row.get("name") if isinstance(row, dict) else None
    called = f"Rule {number + 1}" + (f" “{title}”" if isinstance(title, str) and title else "")
    reader = top.within(f"rules.{number}", called)
    found = reader.mapping(row, {"name", "kinds", "when", "then", "stages", "reason"})
    name = reader.text(found, "name", most=NAME_LENGTH)
    outcome = reader.choice(found, "then", tuple(Outcome))
    kinds = reader.choices(found, "kinds", KINDS)
    automatic = outcome == Outcome.AUTO
    when = reader.listed(found, "when", least=0, most=MOST_CONDITIONS)
    conditions = tuple(
        read_condition(
            each,
            reader.within(f"when.{place}", f"{called}, condition {place + 1}"),
            automatic=automatic,
        )
        for place, each in enumerate(when)
    )
    rule = _RuleSoFar(
        name,
        None if outcome is None else Outcome(outcome),
        kinds,
        conditions,
        _stages(found, reader, called, outcome),
        _reason(found, reader, outcome),
    )
    if SANDBOX in kinds and outcome not in (None, Outcome.DENY):
        reader.problem(
            "kinds", "a sandbox is granted at once; a rule that names sandboxes can only refuse."
        )
    if automatic and not conditions and not kinds:
        reader.problem("when", "an automatic rule without conditions would approve everything.")
    return rule


def _stages(
    found: dict[str, Any], reader: Reader, called: str, outcome: str | None
) -> tuple[StageRule | None, ...]:
    if outcome != Outcome.STAGES:
        if found.get("stages"):
            reader.problem("stages", "only a rule that asks people has stages.")
        return ()
    rows = reader.listed(found, "stages", least=1, most=MOST_STAGES)
    stages = tuple(
        _stage(row, reader.within(f"stages.{place}", f"{called}, stage {place + 1}"))
        for place, row in enumerate(rows)
    )
    if stages and all(stage is not None and stage.condition for stage in stages):
        reader.problem("stages", "one stage must be without a condition, or nobody may be asked.")
    return stages


def _stage(row: Any, reader: Reader) -> StageRule | None:
    keys = {"name", "mode", "approvers", "hours", "role", "people", "condition"}
    found = reader.mapping(row, keys)
    name = reader.text(found, "name", most=NAME_LENGTH)
    mode = reader.choice(found, "mode", MODES)
    approvers = reader.choice(found, "approvers", APPROVERS)
    hours = reader.whole(found, "hours", least=1, most=LONGEST_STAGE_HOURS)
    role = reader.choice(found, "role", ROLES) if approvers == ROLE else ""
    people = reader.ids(found, "people", most=MOST_PEOPLE) if approvers == PEOPLE else ()
    condition = None
    if found.get("condition") is not None:
        condition = read_condition(
            found["condition"], reader.within("condition", f"{reader.called}, its condition")
        )
    if mode is None or approvers is None or hours is None or role is None:
        return None
    return StageRule(Stage(name, mode, approvers, hours, role, people), condition)


def _reason(found: dict[str, Any], reader: Reader, outcome: str | None) -> str:
    if outcome == Outcome.DENY:
        return reader.text(found, "reason", most=REASON_LENGTH)
    if found.get("reason"):
        reader.problem("reason", "only a rule that refuses gives a reason.")
    return ""


def _check_names(rules: list[_RuleSoFar], top: Reader) -> None:
    seen: dict[str, int] = {}
    for number, rule in enumerate(rules):
        first = seen.setdefault(rule.name, number)
        if rule.name and first != number:
            reader = top.within(f"rules.{number}", f"Rule {number + 1} “{rule.name}”")
            reader.problem("name", f"rule {first + 1} has the same name.")


def _check_last(rules: list[_RuleSoFar], top: Reader) -> None:
    """The last rule answers whatever no other did."""
    if not rules:
        return
    last = rules[-1]
    reader = top.within(f"rules.{len(rules) - 1}", f"Rule {len(rules)} “{last.name}”, the last")
    if last.conditions or last.kinds:
        reader.problem(
            "when", "it answers what no other rule does, so it has no conditions and no kinds."
        )
    elif last.outcome == Outcome.AUTO:
        reader.problem("then", "it answers what no other rule does: it asks people or refuses.")


def _finished(rule: _RuleSoFar) -> Rule:
    """Only called where there was no problem, so nothing is missing."""
    assert rule.outcome is not None  # noqa: S101
    return Rule(
        rule.name,
        rule.outcome,
        rule.kinds,
        tuple(condition for condition in rule.conditions if condition),
        tuple(stage for stage in rule.stages if stage),
        rule.reason,
    )
