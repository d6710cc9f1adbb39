"""Reads single fields of a policy's document, and collects what is wrong with each.

A field that cannot be read gives None or nothing and leaves a problem behind, so reading goes on
and one answer names everything.
"""

import re
from dataclasses import dataclass, field
from typing import Any

_KEY = re.compile(r"[a-z_]{1,30}")


@dataclass(frozen=True)
class Problem:
    """`place` is a path into the document; the sentence names rule and field for people."""

    place: str
    sentence: str

    @property
    def id(self) -> str:
        """Of the field on a page."""
        return self.place.replace(".", "-")


@dataclass
class Reader:
    """Reads one mapping of the document; `called` is what people call it."""

    path: str
    called: str
    problems: list[Problem] = field(default_factory=list)

    def within(self, path: str, called: str) -> "Reader":
        """For a part of it; `path` is relative. Problems are collected in one list."""
        return Reader(f"{self.path}.{path}" if self.path else path, called, self.problems)

    def problem(self, key: str, what: str) -> None:
        place = f"{self.path}.{key}" if self.path else key
        self.problems.append(Problem(place, f"{self.called}, {key.replace('_', ' ')}: {what}"))

    def mapping(self, data: Any, known: set[str]) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.problems.append(Problem(self.path, f"{self.called} has no fields to read."))
            return {}
        for key in data:
            if key not in known:
                shown = str(key) if _KEY.fullmatch(str(key)) else repr(key)[:40]
                listed = ", ".join(sorted(known))
                self.problem(shown, f"there is no such field; the fields are {listed}.")
        return data

    def listed(self, found: dict[str, Any], key: str, *, least: int, most: int) -> list[Any]:
        rows = found.get(key)
        rows = [] if rows is None else rows
        if not isinstance(rows, list):
            self.problem(key, "is not a list.")
            return []
        if not least <= len(rows) <= most:
            self.problem(key, f"has {len(rows)}; {least} to {most} are possible.")
        return rows[:most]

    def text(self, found: dict[str, Any], key: str, *, most: int) -> str:
        value = found.get(key)
        if not isinstance(value, str) or not value.strip():
            self.problem(key, "is missing; people read it.")
            return ""
        if len(value.strip()) > most:
            self.problem(key, f"has {len(value.strip())} characters; {most} at most.")
        return value.strip()

    def whole(self, found: dict[str, Any], key: str, *, least: int, most: int) -> int | None:
        value = whole_number(found.get(key))
        if value is None or not least <= value <= most:
            self.problem(key, f"{told(found.get(key))} is not a whole number {least} to {most:,}.")
            return None
        return value

    def choice(self, found: dict[str, Any], key: str, known: tuple[str, ...]) -> str | None:
        value = found.get(key)
        if not isinstance(value, str) or value not in known:
            self.problem(key, f"{told(value)} is none of {', '.join(known)}.")
            return None
        return value

    def choices(self, found: dict[str, Any], key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Any number of them, in the order of `known`; a missing field is none."""
        rows = self.listed(found, key, least=0, most=len(known))
        odd = [row for row in rows if row not in known]
        for row in odd:
            self.problem(key, f"{told(row)} is none of {', '.join(known)}.")
        return tuple(value for value in known if value in rows)

    def ids(self, found: dict[str, Any], key: str, *, most: int) -> tuple[int, ...]:
        rows = self.listed(found, key, least=1, most=most)
        known = tuple(id for row in rows if (id := whole_number(row)) is not None and id > 0)
        for row in rows:
            if (whole_number(row) or 0) < 1:
                self.problem(key, f"{told(row)} is nobody that is known here.")
        if len(set(known)) != len(known):
            self.problem(key, "names somebody twice.")
        return known


def whole_number(value: Any) -> int | None:
    """A whole number, or text that is one (as a form sends it). True is not 1."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**15 else None
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,15}\s*", value, re.ASCII):
        return int(value)
    return None


def told(value: Any) -> str:
    """What was given, in a sentence."""
    if value is None or value == "":
        return "what is given (nothing)"
    return f"“{str(value)[:40]}”"
