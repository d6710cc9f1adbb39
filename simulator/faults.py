"""Planned misbehaviour: an error status, a delay, or a connection that is torn down."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """Applies to requests whose ``METHOD path?query`` contains a match of ``match``.

    Without ``status`` and ``drop`` the request is carried out, after the delay. ``times`` 0 means
    for ever.
    """

    match: str
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    times: int = 1
    delay_seconds: float = 0.0
    drop: str | None = None

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Fault:
        """Raises ValueError with a sentence."""
        known = set(cls.__dataclass_fields__)
        unknown = sorted(set(raw) - known)
        if unknown:
            raise ValueError(f"A fault has no {unknown[0]}; it has {', '.join(sorted(known))}.")
        fault = cls(**{"match": ".*", **raw})
        try:
            re.compile(fault.match)
        except (re.error, TypeError) as problem:
            raise ValueError(f"match is not a regular expression: {problem}.") from None
        if fault.drop not in (None, "before", "after"):
            raise ValueError(f"drop is before or after, got {fault.drop!r}.")
        if fault.status is not None and not 100 <= int(fault.status) <= 599:
            raise ValueError(f"status is an HTTP status, got {fault.status!r}.")
        return fault


class Faults:
    """The faults still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add one behind the others."""
        with self._lock:
            self._waiting.append((fault, fault.times))

    def take(self, request_line: str) -> Fault | None:
        """The first fault for this request; it is used up by one."""
        with self._lock:
            for index, (fault, left) in enumerate(self._waiting):
                if re.search(fault.match, request_line, re.IGNORECASE):
                    if left == 1:
                        del self._waiting[index]
                    elif left > 1:
                        self._waiting[index] = (fault, left - 1)
                    return fault
        return None

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._waiting.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """What is still waiting."""
        with self._lock:
            return [{**vars(fault), "left": left} for fault, left in self._waiting]
