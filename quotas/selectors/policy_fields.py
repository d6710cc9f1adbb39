"""The draft of a policy as fields of a page, with what is wrong beside each.

Reads whatever the draft holds: one that came in by the API may be no policy at all yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from quotas.domain.policy_facts import FACTS, KINDS, FactType
from quotas.domain.policy_fields import Problem
from quotas.domain.policy_rules import APPROVERS, MODES, ROLES, Operator, Outcome
from quotas.domain.stages import PEOPLE, ROLE

UNITS = {FactType.SHARE: "%", FactType.HOURS: "h", FactType.UNITS: "units"}
OPERATORS = {
    Operator.AT_MOST: "at most", Operator.BELOW: "below", Operator.AT_LEAST: "at least",
    Operator.ABOVE: "above", Operator.IS: "is", Operator.IS_NOT: "is not",
    Operator.ONE_OF: "is one of", Operator.NONE_OF: "is none of",
}  # fmt: skip
OUTCOMES = {Outcome.AUTO: "approve at once", Outcome.STAGES: "ask people",
            Outcome.DENY: "refuse"}  # fmt: skip
WHO = {"pool_owners": "the owners of the pool", "finance": "finance", "role": "everybody of a role",
       "people": "people by name"}  # fmt: skip
ENOUGH = {"any_of": "one of them is enough", "all_of": "each of them"}


@dataclass(frozen=True)
class Field:
    """One input. `options` are (value, label, chosen); empty for text and a single tick."""

    name: str
    label: str
    value: str = ""
    options: tuple[tuple[str, str, bool], ...] = ()
    problems: tuple[str, ...] = ()
    ticked: bool = False
    help: str = ""

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


@dataclass(frozen=True)
class ConditionFields:
    path: str
    fact: Field
    operator: Field
    value: Field
    ticks: tuple[Field, ...]  # only those that mean something for this fact, or are ticked


@dataclass(frozen=True)
class StageFields:
    path: str
    fields: tuple[Field, ...]
    condition: ConditionFields
    problems: tuple[str, ...]


@dataclass(frozen=True)
class RuleFields:
    path: str
    number: int
    name: Field
    then: Field
    kinds: Field
    reason: Field | None
    conditions: tuple[ConditionFields, ...]
    stages: tuple[StageFields, ...] | None
    problems: tuple[str, ...]
    is_last: bool

    @property
    def id(self) -> str:
        return self.path.replace(".", "-")


class PolicyFields:
    """`problems` by place; `names` are user names by id; `currency` stands behind money."""

    def __init__(
        self,
        document: Mapping[str, Any],
        problems: Iterable[Problem],
        *,
        names: Mapping[int, str],
        currency: str,
    ) -> None:
        self._problems: dict[str, list[str]] = {}
        for problem in problems:
            self._problems.setdefault(problem.place, []).append(problem.sentence)
        self._names, self._currency = names, currency
        self.longest = self._text("longest_hours", "A burst lasts at most (h)", document)
        rows = _rows(document.get("rules"))
        self.rules = [self._rule(row, n, n == len(rows) - 1) for n, row in enumerate(rows)]
        self.low_risk = [
            self._condition(row, f"low_risk.{n}", automatic=True)
            for n, row in enumerate(_rows(document.get("low_risk")))
        ]
        self.low_risk_problems = self._wrong("low_risk")

    def _wrong(self, name: str) -> tuple[str, ...]:
        return tuple(self._problems.get(name, ()))

    def _text(self, name: str, label: str, row: Mapping[str, Any], *, help: str = "") -> Field:
        value = row.get(name.rpartition(".")[2])
        return Field(name, label, _shown(value), problems=self._wrong(name), help=help)

    def _select(
        self, name: str, label: str, row: Mapping[str, Any], options: Mapping[str, str]
    ) -> Field:
        value = row.get(name.rpartition(".")[2])
        known = tuple((key, word, key == value) for key, word in options.items())
        return Field(name, label, _shown(value), known, self._wrong(name))

    def _tick(self, name: str, label: str, row: Mapping[str, Any]) -> Field:
        ticked = row.get(name.rpartition(".")[2]) is True
        return Field(name, label, ticked=ticked, problems=self._wrong(name))

    def _rule(self, row: Mapping[str, Any], n: int, is_last: bool) -> RuleFields:
        path, then = f"rules.{n}", row.get("then")
        chosen = row.get("kinds") if isinstance(row.get("kinds"), list) else []
        kinds = tuple((k, k.replace("_", "-"), k in (chosen or [])) for k in KINDS)
        outcomes = {o.value: word for o, word in OUTCOMES.items()}
        reason = self._text(f"{path}.reason", "Reason, as the requester reads it", row)
        stages = tuple(
            self._stage(stage, f"{path}.stages.{s}")
            for s, stage in enumerate(_rows(row.get("stages")))
        )
        return RuleFields(
            path,
            n + 1,
            self._text(f"{path}.name", "Name", row),
            self._select(f"{path}.then", "Then", row, outcomes),
            Field(f"{path}.kinds", "For (none ticked: for all)", options=kinds,
                  problems=self._wrong(f"{path}.kinds")),
            reason if then == Outcome.DENY else None,
            tuple(self._condition(c, f"{path}.when.{i}", automatic=then == Outcome.AUTO)
                  for i, c in enumerate(_rows(row.get("when")))),
            stages if then == Outcome.STAGES else None,
            (*self._wrong(path), *self._wrong(f"{path}.when"), *self._wrong(f"{path}.stages")),
            is_last,
        )  # fmt: skip

    def _condition(
        self, row: Mapping[str, Any], path: str, *, automatic: bool = False
    ) -> ConditionFields:
        facts = {"": "–"} | {k: f"{f.word}{self._unit(f.type)}" for k, f in FACTS.items()}
        operators = {"": "–"} | {o.value: word for o, word in OPERATORS.items()}
        fact = FACTS.get(str(row.get("fact")))
        value = Field(
            f"{path}.value",
            "Value",
            _typed(row.get("value"), fact.type if fact else None),
            problems=self._wrong(f"{path}.value"),
            help=_hint(fact.type, fact.choices) if fact else "",
        )
        unknown = self._tick(f"{path}.or_unknown", "or not known", row)
        absent = self._tick(f"{path}.or_absent", "or there is none", row)
        means = {unknown: bool(fact and fact.unknown and not automatic),
                 absent: bool(fact and fact.absent)}  # fmt: skip
        return ConditionFields(
            path,
            self._select(f"{path}.fact", "Fact", row, facts),
            self._select(f"{path}.is", "Compared", row, operators),
            value,
            tuple(tick for tick, shown in means.items() if shown or tick.ticked),
        )

    def _unit(self, kind: FactType) -> str:
        unit = self._currency if kind == FactType.MONEY else UNITS.get(kind, "")
        return f" ({unit})" if unit else ""

    def _stage(self, row: Mapping[str, Any], path: str) -> StageFields:
        approvers, people = row.get("approvers"), row.get("people")
        fields = [
            self._text(f"{path}.name", "Name", row),
            self._select(f"{path}.approvers", "Who", row, {a: WHO[a] for a in APPROVERS}),
            self._select(f"{path}.mode", "Enough", row, {m: ENOUGH[m] for m in MODES}),
            self._text(f"{path}.hours", "Within (h)", row),
        ]
        if approvers == ROLE:
            roles = {"": "–"} | {role: role.replace("_", " ") for role in ROLES}
            fields.insert(2, self._select(f"{path}.role", "Role", row, roles))
        if approvers == PEOPLE:
            listed = people if isinstance(people, list) else []
            names = ", ".join(self._names.get(p, str(p)) if isinstance(p, int) else str(p)
                              for p in listed)  # fmt: skip
            fields.insert(
                2,
                Field(f"{path}.people", "User names", names,
                      problems=self._wrong(f"{path}.people"), help="With commas between them."),
            )  # fmt: skip
        asked = row.get("condition")
        condition = self._condition(asked if isinstance(asked, dict) else {}, f"{path}.condition")
        return StageFields(path, tuple(fields), condition, self._wrong(path))


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return (
        [row if isinstance(row, dict) else {} for row in value] if isinstance(value, list) else []
    )


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _typed(value: Any, kind: FactType | None) -> str:
    """As people type it: shares in per cent, lists with commas, yes and no."""
    if isinstance(value, list):
        return ", ".join(_typed(part, kind) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if kind == FactType.SHARE and not str(value).endswith("%"):
        try:
            return f"{(Decimal(str(value)) * 100).normalize():f} %"
        except InvalidOperation:
            return _shown(value)
    return _shown(value) if not isinstance(value, float) else str(value)


def _hint(kind: FactType, choices: tuple[str, ...]) -> str:
    if kind == FactType.TRUTH:
        return "yes or no"
    return ", ".join(choices)
