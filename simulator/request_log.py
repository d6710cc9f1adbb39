"""The requests the simulated Azure has seen, for tests to assert on. Bounded, in memory."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

_KEPT = 5_000


@dataclass(frozen=True)
class LogFilter:
    """``match`` is a regular expression searched in ``METHOD path?query``, without case."""

    since: int = 0
    plane: str | None = None
    method: str | None = None
    status: int | None = None
    match: str = ""
    client_request_id: str | None = None
    bodies: bool = True
    limit: int = 0

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> LogFilter:
        """Raises ValueError with a sentence."""
        wanted: dict[str, Any] = {}
        names = {each.name for each in fields(cls)}
        for name, value in query.items():
            if name not in names:
                known = ", ".join(sorted(names))
                raise ValueError(f"The log has no filter {name}; it has {known}.")
            if name in ("since", "status", "limit"):
                if not (value.isascii() and value.isdigit()):
                    raise ValueError(f"{name} is a whole number, got {value!r}.")
                wanted[name] = int(value)
            elif name == "bodies":
                wanted[name] = value.lower() != "false"
            else:
                wanted[name] = value
        try:
            re.compile(wanted.get("match", ""))
        except re.error as problem:
            raise ValueError(f"match is a regular expression: {problem}.") from None
        return cls(**wanted)

    def takes(self, entry: dict[str, Any]) -> bool:
        """Whether the entry is wanted."""
        client_request_id = entry.get("headers", {}).get("x-ms-client-request-id")
        return (
            self.plane in (None, entry.get("plane"))
            and (self.method or entry["method"]).upper() == entry["method"]
            and self.status in (None, entry["status"])
            and self.client_request_id in (None, client_request_id)
            and bool(re.search(self.match, f"{entry['method']} {entry['path']}", re.IGNORECASE))
        )


class RequestLog:
    """Numbered from 1; numbers go on after :meth:`clear`, so ``since`` stays meaningful."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._last = 0
        self._lock = threading.Lock()

    def add(self, **entry: Any) -> dict[str, Any]:
        """Append an entry and number it. ``status`` is filled in when the answer is out."""
        with self._lock:
            self._last += 1
            numbered = {"n": self._last, **entry}
            self._entries.append(numbered)
        return numbered

    def since(self, number: int) -> list[dict[str, Any]]:
        """Entries with a greater number, oldest first."""
        with self._lock:
            return [entry for entry in self._entries if entry["n"] > number]

    def find(self, wanted: LogFilter) -> list[dict[str, Any]]:
        """The entries ``wanted`` lets through, oldest first; of many the last ``limit``."""
        found = [entry for entry in self.since(wanted.since) if wanted.takes(entry)]
        kept = found[-wanted.limit :] if wanted.limit else found
        if wanted.bodies:
            return kept
        return [{k: v for k, v in entry.items() if k != "body"} for entry in kept]

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()
