"""One runner per pipeline, across all workers: PostgreSQL advisory locks held by the session.

They are not bound to a transaction, because a pull asks Azure between its transactions, and they go
with the connection when a worker is killed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

WAIT_SECONDS = 60


class LockBusy(Exception):
    """Another runner held the lock all the time that we waited for it."""


@contextmanager
def pipeline_lock(name: str, *, wait: bool = False) -> Iterator[bool]:
    """Yields whether the lock is ours. Without `wait` it says so at once.

    With `wait` it is: a minute without the lock raises LockBusy.
    """
    held = _wait_for(name) if wait else _try(name)
    try:
        yield held
    finally:
        if held:
            _ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def _try(name: str) -> bool:
    return bool(_ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name))


def _wait_for(name: str) -> bool:
    if _try(name):
        return True
    _ask("SELECT set_config('lock_timeout', %s, false)", f"{WAIT_SECONDS}s")
    try:
        _ask("SELECT pg_advisory_lock(hashtextextended(%s, 0))", name)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise LockBusy(name) from error
        raise
    finally:
        _ask("SELECT set_config('lock_timeout', %s, false)", "0")
    return True


def _ask(sql: str, parameter: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, [parameter])
        return cursor.fetchone()[0]
