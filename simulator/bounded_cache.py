"""A least-recently-used cache bounded by the memory of what it keeps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar


class Sized(Protocol):
    """Something that knows how much memory it holds."""

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        ...


Value = TypeVar("Value", bound=Sized)


class BoundedCache:
    """Keeps at most ``most_bytes``, but always the value last made. Not safe between threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self.nbytes = 0
        self._kept: OrderedDict[Hashable, Sized] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of ``key``, made on first use."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]  # type: ignore[return-value]
        value = make()
        self._kept[key] = value
        self.nbytes += value.nbytes
        while self.nbytes > self._most and len(self._kept) > 1:
            self.nbytes -= self._kept.popitem(last=False)[1].nbytes
        return value
