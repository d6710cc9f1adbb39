"""ARM's token buckets: how many calls a principal, and a whole subscription, may make.

One bucket for each scope (a subscription, or the tenant), principal and kind of operation; a second
one for each subscription and kind, for all principals together, a multiple as large. Source: Azure
documentation, throttling Resource Manager requests, 2024. Real seconds, not the simulated clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

OPERATIONS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
"""Method → kind of operation; all others are writes."""


@dataclass(frozen=True)
class Rate:
    """A bucket holds ``size`` calls and gets ``per_second`` back."""

    size: float
    per_second: float

    def times(self, factor: float) -> Rate:
        """Both figures multiplied."""
        return Rate(self.size * factor, self.per_second * factor)


@dataclass
class _Bucket:
    calls: float
    at: float


@dataclass(frozen=True)
class Taken:
    """What a call left behind. ``wait_seconds`` is None when it may pass, else whole seconds.

    ``left`` is the principal's, ``left_for_all`` the subscription's (None for the tenant);
    ``refused_by`` is ``principal`` or ``subscription``.
    """

    left: int
    left_for_all: int | None
    wait_seconds: int | None = None
    refused_by: str | None = None


class Throttle:
    """The buckets of all scopes; a bucket is full when it is first used."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}

    def clear(self) -> None:
        """All buckets are full again."""
        self._buckets.clear()

    def take(
        self, scope: str, principal: str, operation: str, rate: Rate, for_all: Rate | None
    ) -> Taken:
        """One call out of both buckets, or of neither when one of them is empty."""
        own = self._refilled((scope, principal, operation), rate)
        shared = self._refilled((scope, "", operation), for_all) if for_all else None
        if own.calls < 1:
            return Taken(0, _whole(shared), _wait(own, rate), "principal")
        if shared is not None and for_all is not None and shared.calls < 1:
            return Taken(int(own.calls), 0, _wait(shared, for_all), "subscription")
        own.calls -= 1
        if shared is not None:
            shared.calls -= 1
        return Taken(int(own.calls), _whole(shared))

    def _refilled(self, key: tuple[str, str, str], rate: Rate) -> _Bucket:
        now = self._now()
        size = max(rate.size, 1.0)  # one that never holds a whole call would refuse for ever
        bucket = self._buckets.setdefault(key, _Bucket(size, now))
        bucket.calls = min(size, bucket.calls + (now - bucket.at) * rate.per_second)
        bucket.at = now
        return bucket


def _whole(bucket: _Bucket | None) -> int | None:
    return None if bucket is None else int(bucket.calls)


def _wait(bucket: _Bucket, rate: Rate) -> int:
    """Whole seconds until the bucket holds a call."""
    return max(math.ceil((1 - bucket.calls) / rate.per_second), 1)
