"""Reads the ``filter`` of a metrics request.

Grammar: ``A eq 'x' or A eq 'y' and B eq '*'``; ``or`` joins values of one dimension only; a quote
in a value is doubled; round brackets are allowed. Names and values ignore case.
"""

from __future__ import annotations

import re

from simulator.web import ArmError

Split = dict[str, frozenset[str] | None]
"""Dimension (lower case) → wanted values (lower case), None meaning all."""

_CONDITION = re.compile(r"\s*\(*\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*\)*\s*", re.IGNORECASE)
_JOINER = re.compile(r"(and|or)\b", re.IGNORECASE)


def bad_request(message: str) -> ArmError:
    """Monitor's answer to a request it cannot use."""
    return ArmError(400, "BadRequest", message)


def read_filter(text: str | None) -> Split:
    """Dimension → wanted values, None for ``*``. Raises ArmError 400 where the grammar ends."""
    split: Split = {}
    position, joiner, previous = 0, "and", ""
    text = (text or "").strip()
    while position < len(text):
        match = _CONDITION.match(text, position)
        if match is None:
            raise bad_request(f"Invalid filter near '{text[position:]}'.")
        name, value = match[1].lower(), match[2].replace("''", "'").lower()
        if joiner == "or" and name != previous:
            raise bad_request("Invalid filter: 'or' may join values of one dimension only.")
        _add_condition(split, name, value)
        position, previous = match.end(), name
        if position < len(text):
            found = _JOINER.match(text, position)
            if found is None:
                raise bad_request(f"Invalid filter near '{text[position:]}'.")
            joiner, position = found[1].lower(), found.end()
    return split


def _add_condition(split: Split, name: str, value: str) -> None:
    known = split.get(name, frozenset())
    split[name] = None if value == "*" or known is None else known | {value}
