"""The one door for time.

`now()` is asked at the doors only (views, API, tasks, commands); below them time is an argument
`at`. Outside production an offset is added, kept in one database row, so that a whole month can be
stepped through in a minute. The source of that offset is installed by the portal when it starts
(`portal.apps`), which keeps this module free of Django. Tokens, TLS, sessions, leases and Celery
stay on real time: they use `real_now()`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def _no_offset() -> timedelta:
    return timedelta(0)


_read_offset: Callable[[], timedelta] = _no_offset


def read_offset_with(source: Callable[[], timedelta]) -> None:
    """Installs the source of the offset; called once, when the process starts."""
    global _read_offset
    _read_offset = source


def real_now() -> datetime:
    """The machine's own time, aware UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """The portal's present moment, aware UTC: real time plus the offset, which is nought in
    production.
    """
    return real_now() + _read_offset()
