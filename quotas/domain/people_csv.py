"""People in a CSV file: every wrong line gets a sentence with its number.

The columns are described in `docs/people.md`. Pure: who and which team is meant is looked up by
the service. An empty cell says nothing: what is known stays.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from portal.kernel.csv_files import MEGABYTE, Problem, quoted

COLUMNS = ("username", "email", "name", "team", "role", "active")
MOST_BYTES = MEGABYTE
MOST_LINES = 10_000
MOST_PROBLEMS = 50
LONGEST = {"username": 150, "email": 254, "name": 150, "team": 80}
USERNAME = re.compile(r"[\w.@+-]+")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
# What a spreadsheet would run, were it ever written into one.
FORMULA_STARTS = ("=", "+", "-", "@")
LEAD, MEMBER, NONE = "lead", "member", "none"
YES, NO = ("yes", "true", "1", "active"), ("no", "false", "0", "inactive")


@dataclass(frozen=True)
class Line:
    """What one line says of a person; None where it says nothing. `role` NONE leaves the team."""

    number: int
    username: str
    email: str | None = None
    name: str | None = None
    team: str | None = None
    role: str | None = None
    active: bool | None = None

    @property
    def key(self) -> str:
        """User names are one, however they are written."""
        return self.username.casefold()


@dataclass(frozen=True)
class Parsed:
    lines: list[Line]
    problems: list[Problem]


def parse(text: str) -> Parsed:
    """Lines in order; problems instead of those that are wrong, at most MOST_PROBLEMS. Commas or
    semicolons, whichever the header has more of.
    """
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _parse(reader)
    except csv.Error:
        number = max(1, reader.line_num)
        return Parsed([], [Problem(number, "its quotes do not close, or hold a stray character.")])


def _parse(reader: Any) -> Parsed:
    header = [name.strip().lower() for name in next(reader, [])]
    if wrong := _wrong_header(header):
        return Parsed([], [Problem(1, wrong)])
    lines: list[Line] = []
    problems: list[Problem] = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(lines) + len(problems) == MOST_LINES:
            split = f"a file has at most {MOST_LINES:,} lines; split it by teams."
            problems.append(Problem(reader.line_num, split))
            break
        try:
            lines.append(_line(reader.line_num, header, cells))
        except ValueError as error:
            problems.append(Problem(reader.line_num, str(error)))
    problems += _contradictions(lines)
    if not lines and not problems:
        problems.append(Problem(2, "there is no line after the header."))
    return Parsed(lines, sorted(problems, key=lambda p: p.number)[:MOST_PROBLEMS])


def _wrong_header(header: list[str]) -> str:
    if "username" not in header:
        return f"the header lacks username. It may have: {', '.join(COLUMNS)}."
    if len(set(header)) < len(header):
        return "a column is named twice."
    if unknown := [name for name in header if name not in COLUMNS]:
        return f"no column is called {quoted(unknown[0])}. There are: {', '.join(COLUMNS)}."
    return ""


def _line(number: int, header: list[str], cells: list[str]) -> Line:
    """Raises ValueError with a sentence."""
    if len(cells) != len(header):
        raise ValueError(f"it has {len(cells)} cells, the header has {len(header)}.")
    row = {name: _cell(name, cell) for name, cell in zip(header, cells, strict=True)}
    username, team, role = row["username"], row.get("team", ""), row.get("role", "").lower()
    if not USERNAME.fullmatch(username):
        raise ValueError("a user name has letters, digits and @ . + - _ only, and at least one.")
    email = row.get("email", "")
    if email and not EMAIL.fullmatch(email):
        raise ValueError(f"{quoted(email)} is no e-mail address.")
    if role and not team:
        raise ValueError("it names a role but no team. A role is one in a team.")
    if role and role not in (LEAD, MEMBER, NONE):
        raise ValueError(
            f"a role is lead, member or none (leaves the team), not {quoted(role)}. Roles for the "
            "whole organisation are not given by a file."
        )
    return Line(
        number,
        username,
        email or None,
        row.get("name") or None,
        team or None,
        role or None,
        _yes_or_no(row.get("active", "").lower()),
    )


def _cell(name: str, cell: str) -> str:
    text = unicodedata.normalize("NFKC", cell).strip()
    if not all(character.isprintable() for character in text):
        raise ValueError(f"{name} holds a character that cannot be printed.")
    if len(text) > LONGEST.get(name, 20):
        raise ValueError(f"{name} has more than {LONGEST.get(name, 20)} characters.")
    if text.startswith(FORMULA_STARTS):
        raise ValueError(f"{name} begins with {quoted(text[0])}, which a spreadsheet would run.")
    return text


def _yes_or_no(text: str) -> bool | None:
    if text and text not in (*YES, *NO):
        raise ValueError(f"active is yes or no, not {quoted(text)}.")
    return None if not text else text in YES


def _contradictions(lines: Iterable[Line]) -> list[Problem]:
    """A person may stand on several lines, one for each team, that say the same of the rest."""
    said: dict[tuple[str, ...], tuple[object, int]] = {}
    found = []
    for line in lines:
        facts: dict[tuple[str, ...], object] = {
            (line.key, name): getattr(line, name)
            for name in ("email", "name", "active")
            if getattr(line, name) is not None
        }
        before = [said[key] for key, value in facts.items() if said.get(key, (value,))[0] != value]
        team = (line.key, "team", (line.team or "").casefold())
        if before:
            other = before[0][1]
            sentence = f"it says otherwise of {quoted(line.username)} than line {other} does."
            found.append(Problem(line.number, sentence))
        elif team in said:
            sentence = f"line {said[team][1]} names the same person and team. Keep one of them."
            found.append(Problem(line.number, sentence))
        for key, value in facts.items():
            said.setdefault(key, (value, line.number))
        said.setdefault(team, (None, line.number))
    return found
