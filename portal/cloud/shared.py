"""A few small facts that all processes share: counters, pauses. In the Django cache (Valkey).

Not in the database: a call to Azure must not cost a write there, and nothing here is worth keeping
for longer than two days. Losing it all is harmless: counters begin again, a pause ends early. So
trouble with the cache never stops a call to Azure; it is logged once a minute, and `/readyz` and
the health page say that the cache does not answer.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.cache import cache

log = logging.getLogger(__name__)
T = TypeVar("T")
PREFIX = "azure:"
SECONDS_BETWEEN_LINES = 60.0
_last_line = -SECONDS_BETWEEN_LINES


def add_up(key: str, amount: int, kept_seconds: int) -> None:
    """Adds to a counter that is forgotten `kept_seconds` after it was begun."""
    _try(lambda: _add_up(PREFIX + key, amount, kept_seconds), None)


def read(keys: Iterable[str]) -> dict[str, Any]:
    """What there is of these, in one round trip."""
    names = {PREFIX + key: key for key in keys}
    found: dict[str, Any] = _try(lambda: cache.get_many(names), {})
    return {names[name]: value for name, value in found.items()}


def keep(key: str, value: object, kept_seconds: float) -> None:
    _try(lambda: cache.set(PREFIX + key, value, kept_seconds), None)


def drop(*keys: str) -> None:
    _try(lambda: cache.delete_many([PREFIX + key for key in keys]), None)


def claim(key: str, kept_seconds: float) -> bool:
    """True for the first who asks, until the time is over or the key is dropped."""
    return bool(_try(lambda: cache.add(PREFIX + key, 1, kept_seconds), True))


def _add_up(key: str, amount: int, kept_seconds: int) -> None:
    try:
        cache.incr(key, amount)
    except ValueError:  # not there yet; whoever is first puts a nought there
        cache.add(key, 0, kept_seconds)
        cache.incr(key, amount)


def _try(action: Callable[[], T], otherwise: T) -> T:
    global _last_line
    try:
        return action()
    except Exception as error:  # each cache has errors of its own, and none may stop a call
        if time.monotonic() - _last_line >= SECONDS_BETWEEN_LINES:
            _last_line = time.monotonic()
            log.warning("calls to Azure are not counted, the cache fails: %r", error)
        return otherwise
