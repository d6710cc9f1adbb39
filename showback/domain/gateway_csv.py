"""Gateway aggregates in a CSV file: every wrong line gets a sentence with its number.

The format is described in `docs/reference/gateway-csv.md`. Pure: what a deployment is called is
looked up by the service.
"""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.kernel.csv_files import Problem, quoted

REQUIRED = ("time", "caller", "deployment", "ok", "prompt_tokens", "generated_tokens")
COLUMNS = (
    *("time", "grain", "caller", "product", "deployment"),
    *("ok", "throttled", "throttled_by_gateway", "filtered", "other"),
    *("prompt_tokens", "generated_tokens"),
)
COUNTS = COLUMNS[5:]
MOST_LINES = 200_000
MOST_PROBLEMS = 50
LARGEST_OF_MINUTE = 2_147_483_647  # what a minute's column holds
LARGEST_OF_HOUR = 60 * LARGEST_OF_MINUTE
LONGEST_NAME = 256


@dataclass(frozen=True)
class Line:
    """One row. `filtered` None: the gateway does not log it. `number` counts from 1, the header."""

    number: int
    time: datetime
    is_hour: bool
    caller: str
    product: str
    deployment: str
    counts: tuple[int | None, ...]  # as in COUNTS


@dataclass(frozen=True)
class Parsed:
    lines: list[Line]
    problems: list[Problem]


def parse(text: str, *, at: datetime) -> Parsed:
    """Lines in order; problems instead of the lines that are wrong, at most MOST_PROBLEMS."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return _parse(reader, at)
    except csv.Error:
        number = max(1, reader.line_num)
        return Parsed([], [Problem(number, "its quotes do not close, or hold a stray character.")])


def _parse(reader: Any, at: datetime) -> Parsed:
    header = [name.strip().lower() for name in next(reader, [])]
    if wrong := _wrong_header(header):
        return Parsed([], [Problem(1, wrong)])
    lines: list[Line] = []
    problems: list[Problem] = []
    seen: dict[tuple[object, ...], int] = {}
    for cells in reader:
        number = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(lines) == MOST_LINES:
            problems.append(Problem(number, f"a file has at most {MOST_LINES:,} lines; split it."))
            break
        try:
            line = _line(number, header, cells, at)
            _remember(seen, line)
        except ValueError as error:
            problems.append(Problem(number, str(error)))
            if len(problems) == MOST_PROBLEMS:
                break
        else:
            lines.append(line)
    if not lines and not problems:
        problems.append(Problem(2, "there is no line after the header."))
    return Parsed(lines, problems)


def _wrong_header(header: list[str]) -> str:
    if missing := [name for name in REQUIRED if name not in header]:
        return f"the header lacks {', '.join(missing)}. The template has all columns."
    if len(set(header)) < len(header):
        return "a column is named twice."
    if unknown := [name for name in header if name not in COLUMNS]:
        return f"no column is called {quoted(unknown[0])}. The template has all columns."
    return ""


def _remember(seen: dict[tuple[object, ...], int], line: Line) -> None:
    """A row is named once, and a gateway's hour is told by the hour or by the minute."""
    key = (line.time, line.caller, line.product, line.deployment)
    if key in seen:
        raise ValueError(f"it says again what line {seen[key]} says. Add the two up in one line.")
    hour = ("hour", line.time.replace(minute=0))
    if seen.setdefault(hour, int(line.is_hour)) != int(line.is_hour):
        raise ValueError("this hour is told by the hour and by the minute. Use one of the two.")
    seen[key] = line.number


def _line(number: int, header: list[str], cells: list[str], at: datetime) -> Line:
    """Raises ValueError with a sentence."""
    if len(cells) != len(header):
        raise ValueError(f"it has {len(cells)} cells, the header has {len(header)}.")
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    grain = row.get("grain", "").lower() or "hour"
    if grain not in ("hour", "minute"):
        raise ValueError(f"grain is hour or minute, not {quoted(grain)}.")
    time = _time(row["time"], is_hour=grain == "hour", at=at)
    for name in ("caller", "product", "deployment"):
        if len(row.get(name, "")) > LONGEST_NAME or "\x00" in row.get(name, ""):
            raise ValueError(f"{name} has more than {LONGEST_NAME} characters.")
    if not row["deployment"]:
        raise ValueError("deployment is empty; give its resource id, or account/name.")
    limit = LARGEST_OF_HOUR if grain == "hour" else LARGEST_OF_MINUTE
    counts = tuple(_count(name, row.get(name, ""), limit) for name in COUNTS)
    deployment = row["deployment"].lower().rstrip("/")
    return Line(
        number, time, grain == "hour", row["caller"], row.get("product", ""), deployment, counts
    )


def _time(text: str, *, is_hour: bool, at: datetime) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{quoted(text)} is no time such as 2026-03-14T09:00:00Z.") from None
    if time.tzinfo is None:
        raise ValueError("the time has no offset; write UTC with a Z at its end.")
    if not 2000 <= time.year <= 9000:
        raise ValueError("the year cannot be.")
    time = time.astimezone(UTC)
    if time.second or time.microsecond or (is_hour and time.minute):
        raise ValueError(f"the time is not the start of {'an hour' if is_hour else 'a minute'}.")
    if time + timedelta(minutes=60 if is_hour else 1) > at:
        raise ValueError("it is not over yet.")
    return time


def _count(name: str, text: str, limit: int) -> int | None:
    """Empty is nought, but for `filtered`: there it is not known."""
    if not text:
        if name in REQUIRED:
            raise ValueError(f"{name} is empty; write 0 where nothing was counted.")
        return None if name == "filtered" else 0
    if not text.isascii() or not text.isdecimal() or len(text) > 12 or int(text) > limit:
        raise ValueError(f"{name} is a whole number up to {limit:,}, not {quoted(text)}.")
    return int(text)
