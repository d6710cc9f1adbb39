"""Recognises a log query by its leading comment, and reads its window.

No query language is played: ``// headroom:callers v1`` in the first line names a query whose answer
this program knows, ``let t0 = datetime(…)`` and ``let t1 = datetime(…)`` say its window. Any other
query is refused as Log Analytics refuses one that it does not understand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from simulator.clock import SECONDS_PER_MINUTE, parse_time
from simulator.hashing import Ints
from simulator.web import ArmError

CALLERS = ("callers", "1")
_NAME = re.compile(r"\s*//\s*headroom:(\w+)\s+v(\d+)\s*$", re.MULTILINE)
_BOUND = re.compile(r"^\s*let\s+(t0|t1)\s*=\s*datetime\(([^)]+)\)\s*;", re.MULTILINE)
_FIRST_WORD = re.compile(r"^\s*(?!//|let\b)([A-Za-z_]\w*)", re.MULTILINE)
_DURATION = re.compile(
    r"P(?:(?P<days>[\d.]+)D)?"
    r"(?:T(?:(?P<hours>[\d.]+)H)?(?:(?P<minutes>[\d.]+)M)?(?:(?P<seconds>[\d.]+)S)?)?"
)


@dataclass(frozen=True)
class LogsQuery:
    """``minutes`` are the epoch minutes of the query's window that its timespan lets through."""

    minutes: Ints
    window_minutes: int


def read_query(body: dict[str, Any], now: datetime) -> LogsQuery:
    """Raises ArmError 400 BadArgumentError."""
    text = body.get("query")
    if not isinstance(text, str) or not text.strip():
        raise refusal("SyntaxError", "A recognition error occurred in the query.", "SYN0002",
                      "Query could not be parsed at '' on line [1,0]")  # fmt: skip
    named = _NAME.match(text)
    if named is None or named.groups() != CALLERS:
        found = _FIRST_WORD.search(text)
        raise refusal(
            "SemanticError", "A semantic error occurred.", "SEM0100",
            f"'{found[1] if found else text[:40]}' operator: Failed to resolve table or column "
            "expression. (The simulator answers queries that begin with '// headroom:callers v1'.)",
        )  # fmt: skip
    first, end = _window(text)
    since, until = _timespan(body.get("timespan"), now)
    minutes = np.arange(first, end, dtype=np.int64)
    inside = (minutes * SECONDS_PER_MINUTE >= since) & ((minutes + 1) * SECONDS_PER_MINUTE <= until)
    return LogsQuery(minutes[inside], end - first)


def refusal(kind: str, what: str, code: str, message: str) -> ArmError:
    """400 in the form of Log Analytics: the reason lies innermost."""
    inner = {"code": kind, "message": what, "innererror": {"code": code, "message": message}}
    return ArmError(
        400, "BadArgumentError", "The request had some invalid properties",
        more={"innererror": inner},
    )  # fmt: skip


def _window(text: str) -> tuple[int, int]:
    """Epoch minutes ``[first, end)``."""
    bounds = dict(_BOUND.findall(text))
    try:
        first, end = (_minute(parse_time(bounds[name].strip())) for name in ("t0", "t1"))
    except (KeyError, ValueError):
        raise refusal("SyntaxError", "A recognition error occurred in the query.", "SYN0002",
                      "Query could not be parsed: let t0 = datetime(...); let t1 = datetime(...);"
                      ) from None  # fmt: skip
    return first, max(first, end)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // SECONDS_PER_MINUTE


def _timespan(text: Any, now: datetime) -> tuple[float, float]:
    """Epoch seconds; ``start/end``, ``start/duration`` or a duration up to now; None is no end."""
    if text is None:
        return float("-inf"), float("inf")
    start, _, end = str(text).partition("/")
    try:
        if not end:
            return (now - _duration(start)).timestamp(), now.timestamp()
        since = parse_time(start)
        until = since + _duration(end) if end.startswith("P") else parse_time(end)
    except ValueError:
        raise refusal("BadArgumentError", "The timespan is wrong.", "BadTimespan",
                      f"Could not parse timespan {text!r}") from None  # fmt: skip
    return since.timestamp(), until.timestamp()


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return timedelta(**{name: float(value) for name, value in match.groupdict().items() if value})
