"""Keeps writers of minutes and their compaction apart, day by day (UTC), within a transaction."""

from collections.abc import Iterable
from datetime import date

from django.db import connection


def share_days(days: Iterable[date]) -> None:
    """For a writer of minutes: these days stay in the form they have until its transaction ends.

    Writers do not keep each other out; sources have locks of their own.
    """
    _lock("pg_advisory_xact_lock_shared", days)


def own_day(day: date) -> None:
    """For the compaction: nobody else changes minutes of this day until its transaction ends."""
    _lock("pg_advisory_xact_lock", [day])


def _lock(function: str, days: Iterable[date]) -> None:
    # Always in the same order, so that two of them never wait for each other.
    names = [f"showback-day:{day}" for day in sorted(set(days))]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(hashtextextended(name, 0)) "  # noqa: S608
            "FROM unnest(%s::text[]) WITH ORDINALITY AS d(name, n) ORDER BY n",
            [names],
        )
