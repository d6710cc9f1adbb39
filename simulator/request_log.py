"""The requests the simulated Azure has seen, for tests to assert on. Bounded, in memory."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

_KEPT = 5_000


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

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()
