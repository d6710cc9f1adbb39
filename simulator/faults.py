"""Planned misbehaviour: which requests it hits, how often, and what they meet.

What the client meets is either a planned answer (``status``, with ``body``) or the real one, which
is then changed (``headers``, ``change``, ``chunked``), delayed, or torn down (``drop``).
:mod:`simulator.fault_play` plays it.
"""

from __future__ import annotations

import base64
import binascii
import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from simulator.answer_changes import check_change

DROPS = ("before", "mid", "after")
_ACCEPTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "match": ("a regular expression", lambda value: _is_regex(value)),
    "match_headers": ("an object of header name to regular expression", lambda v: _are_regexes(v)),
    "match_body": ("a regular expression", lambda value: _is_regex(value)),
    "status": ("an HTTP status", lambda value: _is_whole(value) and 100 <= value <= 599),
    "headers": ("an object of header name to value", lambda value: _is_headers(value)),
    "body_base64": ("bytes in base64", lambda value: _is_base64(value)),
    "content_type": ("a text", lambda value: isinstance(value, str)),
    "chunked": ("true or false", lambda value: isinstance(value, bool)),
    "drop": ("before, mid or after", lambda value: value in DROPS),
    "delay_seconds": ("a number from 0", lambda value: _is_number(value) and value >= 0),
    "times": ("a whole number from 0", lambda value: _is_whole(value) and value >= 0),
    "skip": ("a whole number from 0", lambda value: _is_whole(value) and value >= 0),
    "probability": ("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1),
    "seed": ("a whole number", lambda value: _is_whole(value)),
}


@dataclass(frozen=True)
class Fault:
    """Applies to requests whose ``METHOD path?query`` contains a match of ``match``.

    ``match_headers`` and ``match_body`` narrow that. Of the requests that match, the first ``skip``
    pass, then each is hit with ``probability`` (drawn from ``seed``), ``times`` in all; ``times`` 0
    means for ever.
    """

    match: str = ".*"
    match_headers: dict[str, str] = field(default_factory=dict)
    match_body: str | None = None
    status: int | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    body_base64: str | None = None
    content_type: str | None = None
    chunked: bool = False
    drop: str | None = None
    change: dict[str, Any] | None = None
    delay_seconds: float = 0.0
    times: int = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Fault:
        """Raises ValueError with a sentence."""
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in raw.items() if value is not None}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"A fault has no {name}; it has {', '.join(sorted(known))}.")
            words, accepts = _ACCEPTS.get(name, ("", lambda _value: True))
            if not accepts(value):
                raise ValueError(f"{name} is {words}, got {value!r}.")
        _check_together(given)
        return cls(**given)

    def hits(self, request_line: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether this request is meant; header names in lower case."""
        if not re.search(self.match, request_line, re.IGNORECASE):
            return False
        for name, pattern in self.match_headers.items():
            value = headers.get(name.lower())
            if value is None or not re.search(pattern, value, re.IGNORECASE):
                return False
        text = body.decode("utf-8", "replace") if self.match_body is not None else ""
        return self.match_body is None or bool(re.search(self.match_body, text, re.IGNORECASE))


@dataclass
class _Waiting:
    fault: Fault
    number: int
    seen: int = 0
    hit: int = 0
    draw: random.Random = field(default_factory=random.Random)

    def meets(self, request_line: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether it is this request's turn; counts it."""
        if not self.fault.hits(request_line, headers, body):
            return False
        self.seen += 1
        if self.seen <= self.fault.skip or self.draw.random() >= self.fault.probability:
            return False
        self.hit += 1
        return True

    @property
    def is_over(self) -> bool:
        return bool(self.fault.times) and self.hit >= self.fault.times


class Faults:
    """The faults still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._last = 0
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> int:
        """Add one behind the others; its number."""
        with self._lock:
            self._last += 1
            # Chance in a test, repeatable by its seed; nothing here is secret.
            draw = random.Random(fault.seed)  # noqa: S311
            self._waiting.append(_Waiting(fault, self._last, draw=draw))
            return self._last

    def take(
        self, request_line: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Fault | None:
        """The first fault whose turn this request is; one that is used up goes."""
        with self._lock:
            for each in self._waiting:
                if each.meets(request_line, headers or {}, body):
                    if each.is_over:
                        self._waiting.remove(each)
                    return each.fault
        return None

    def clear(self, number: int | None = None) -> None:
        """No more faults, or not that one."""
        with self._lock:
            self._waiting = [
                each for each in self._waiting if number is not None and each.number != number
            ]

    def as_json(self) -> list[dict[str, Any]]:
        """What is still waiting: the fault, its number, how many matched and were hit, and left."""
        with self._lock:
            return [
                {
                    **vars(each.fault),
                    "n": each.number,
                    "seen": each.seen,
                    "hit": each.hit,
                    "left": max(each.fault.times - each.hit, 0),
                }
                for each in self._waiting
            ]


def _check_together(given: dict[str, Any]) -> None:
    """Raises ValueError for fields that do not go together."""
    if "body" in given and "body_base64" in given:
        raise ValueError("A fault has body or body_base64, not both.")
    for name in ("body", "body_base64", "content_type"):
        if name in given and "status" not in given:
            raise ValueError(f"{name} belongs to a planned answer: say its status as well.")
    if "change" in given:
        if "status" in given:
            raise ValueError("change changes the real answer: leave status out.")
        check_change(given["change"])


def _is_regex(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return isinstance(value, str)


def _are_regexes(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_regex(each) for each in value.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, str | int | float) and "\n" not in str(each) for each in value.values()
    )


def _is_base64(value: Any) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return False
    return True
