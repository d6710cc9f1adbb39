"""How many calls went to Azure and how they ended: by plane, kind and hour, over all processes.

Every attempt counts, repeats included: that is what Azure's own limits count. Hours are of real
time (not of a demo's clock), UTC, and kept for two days.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.cloud import shared
from portal.cloud.endpoints import Plane
from portal.kernel.windows import HOUR

KEPT_SECONDS = 48 * 3600


class Kind(StrEnum):
    """How one attempt ended."""

    OK = "ok"
    THROTTLED = "throttled"  # 429
    CONFLICT = "conflict"  # 409, 412, 423
    REFUSED = "refused"  # any other 4xx
    SERVER_ERROR = "server_error"  # 5xx
    TIMEOUT = "timeout"  # no answer, a broken or cut one, 408
    UNREADABLE = "unreadable"  # a good status around a body that means nothing
    HELD = "held"  # not sent, as the endpoint is paused: no call


@dataclass(frozen=True)
class Totals:
    """Of one plane. `bytes` are those of the bodies received, unpacked; `seconds` of waiting."""

    by_kind: Mapping[Kind, int]
    seconds: float
    bytes: int

    @property
    def calls(self) -> int:
        return sum(count for kind, count in self.by_kind.items() if kind is not Kind.HELD)


_last: ContextVar[tuple[Plane, Kind] | None] = ContextVar("last_call", default=None)


def kind_of(status: int) -> Kind:
    """Of an answer with this HTTP status."""
    if status in (409, 412, 423):
        return Kind.CONFLICT
    named = {408: Kind.TIMEOUT, 429: Kind.THROTTLED}.get(status)
    if named:
        return named
    if status >= 500:
        return Kind.SERVER_ERROR
    return Kind.REFUSED if status >= 400 else Kind.OK


def count(
    plane: Plane, kind: Kind, *, at: datetime, seconds: float = 0.0, received: int = 0
) -> None:
    """One attempt, ended at `at` (real time)."""
    _last.set((plane, kind))
    _add(plane, kind, at, 1)
    if seconds:
        _add(plane, "milliseconds", at, round(seconds * 1000))
    if received:
        _add(plane, "bytes", at, received)


def forget_last() -> None:
    """From here on `count_unreadable` speaks of calls that are still to come."""
    _last.set(None)


def count_unreadable(*, at: datetime) -> None:
    """The answer that was counted last in this thread was good by its status only."""
    plane, kind = _last.get() or (None, None)
    if plane is None or kind is not Kind.OK:
        return
    _add(plane, Kind.OK, at, -1)
    count(plane, Kind.UNREADABLE, at=at)


def totals(plane: Plane, *, at: datetime, hours: int = 2) -> Totals:
    """Of the hour that `at` (real time) falls into and of those before it, `hours` in all."""
    starts = [at - back * HOUR for back in range(hours)]
    names = [*Kind, "milliseconds", "bytes"]
    keys = {_key(plane, name, start): name for name in names for start in starts}
    sums = dict.fromkeys(names, 0)
    for key, value in shared.read(keys).items():
        sums[keys[key]] += value
    by_kind = {kind: sums[kind] for kind in Kind if sums[kind] > 0}
    return Totals(by_kind, sums["milliseconds"] / 1000, sums["bytes"])


def _add(plane: Plane, name: str, at: datetime, amount: int) -> None:
    shared.add_up(_key(plane, name, at), amount, KEPT_SECONDS)


def _key(plane: Plane, name: str, at: datetime) -> str:
    return f"calls:{at:%Y%m%d%H}:{plane}:{name}"
