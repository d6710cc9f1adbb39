"""Reads one condition of a policy: a fact, an operator that fits its type, a value of that type."""

from decimal import Decimal, InvalidOperation
from typing import Any

from quotas.domain.policy_facts import FACTS, Fact, FactType, Value
from quotas.domain.policy_fields import Reader, told, whole_number
from quotas.domain.policy_rules import LISTED, Condition, Operator, operators_of

_KEYS = {"fact", "is", "value", "or_unknown", "or_absent"}
# (least, most, decimal places) of what may be typed
_NUMBERS = {
    FactType.SHARE: (Decimal(0), Decimal(10), 4),
    FactType.HOURS: (Decimal(0), Decimal(100_000), 2),
    FactType.MONEY: (Decimal(-1_000_000_000), Decimal(1_000_000_000), 2),
}
_WHOLE = {FactType.UNITS: (-2_000_000_000, 2_000_000_000), FactType.NUMBER: (1, 4)}
_HINTS = {
    FactType.SHARE: "a share between 0 and 10, such as 0.50 or 50 %",
    FactType.HOURS: "a number of hours, such as 72",
    FactType.MONEY: "an amount of money, such as 500 or 500.00",
    FactType.UNITS: "a whole number of units",
    FactType.NUMBER: "a whole number from 1 to 4",
}


def read_condition(data: Any, reader: Reader, *, automatic: bool = False) -> Condition | None:
    """None where it cannot be read; then the reader has a problem for each field that is wrong."""
    found = reader.mapping(data, _KEYS)
    key = reader.choice(found, "fact", tuple(FACTS))
    if key is None:
        return None
    fact = FACTS[key]
    operator = reader.choice(found, "is", tuple(operators_of(fact)))
    or_unknown = _flag(found, "or_unknown", reader)
    or_absent = _flag(found, "or_absent", reader)
    if or_unknown and automatic:
        reader.problem(
            "or_unknown", "an automatic rule, or low risk, never passes on what is not known."
        )
    if or_unknown and not fact.unknown:
        reader.problem("or_unknown", f"{fact.word} is always known.")
    if or_absent and not fact.absent:
        reader.problem("or_absent", f"{fact.word} is always there.")
    if operator is None:
        return None
    value = _value(found.get("value"), fact, Operator(operator), reader)
    return (
        None if value is None else Condition(key, Operator(operator), value, or_unknown, or_absent)
    )


def _flag(found: dict[str, Any], key: str, reader: Reader) -> bool:
    value = found.get(key, False)
    if not isinstance(value, bool):
        reader.problem(key, f"{told(value)} is neither true nor false.")
        return False
    return value


def _value(
    given: Any, fact: Fact, operator: Operator, reader: Reader
) -> Value | tuple[Value, ...] | None:
    if operator not in LISTED:
        return _single(given, fact, reader)
    if not isinstance(given, list) or not given:
        reader.problem("value", f"{told(given)} is no list of {fact.word}s.")
        return None
    parts = [_single(part, fact, reader) for part in given]
    known = tuple(part for part in parts if part is not None)
    return known if len(known) == len(parts) else None


def _single(given: Any, fact: Fact, reader: Reader) -> Value | None:
    if fact.type == FactType.TRUTH:
        if isinstance(given, bool):
            return given
        reader.problem("value", f"{told(given)} is neither true nor false.")
        return None
    if fact.type == FactType.CHOICE:
        return reader.choice({"value": given}, "value", fact.choices)
    value = _whole(given, fact) if fact.type in _WHOLE else _decimal(given, fact)
    if value is None:
        reader.problem("value", f"{told(given)} is not {_HINTS[fact.type]}.")
    return value


def _whole(given: Any, fact: Fact) -> int | None:
    least, most = _WHOLE[fact.type]
    number = whole_number(given)
    return number if number is not None and least <= number <= most else None


def _decimal(given: Any, fact: Fact) -> Decimal | None:
    """Exact: a float of JSON or YAML is read as it was written."""
    least, most, places = _NUMBERS[fact.type]
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        return None
    text, per_cent = str(given).strip(), False
    if fact.type == FactType.SHARE and text.endswith("%"):
        text, per_cent = text[:-1].strip(), True
    try:
        number = Decimal(text.replace(",", "")) / (100 if per_cent else 1)
    except InvalidOperation:
        return None
    if not number.is_finite() or not least <= number <= most:
        return None
    rounded = round(number, places)
    return number if rounded == number else None
