"""Month partitions of the usage tables, made before the first row of a month is written."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection

TABLES = ("showback_usage_hour", "showback_usage_minutes")


def ensure_partitions(hours: Iterable[datetime]) -> None:
    """Makes what is missing for these hours (UTC months). Call it inside the writing transaction.

    One maker at a time. The new table is attached, not created in place: attaching lets readers of
    the other months go on.
    """
    months = sorted({(hour.astimezone(UTC).year, hour.astimezone(UTC).month) for hour in hours})
    missing = [
        (table, month) for table in TABLES for month in months if not _exists(_name(table, month))
    ]
    if not missing:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('showback-partitions', 0))")
        for table, month in missing:
            if not _exists(_name(table, month)):
                _make(table, month)


def _make(table: str, month: tuple[int, int]) -> None:
    name = _name(table, month)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
        cursor.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES "
            f"FROM ('{_first_day(month)}') TO ('{_first_day(_following(month))}')"
        )


def _exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def _name(table: str, month: tuple[int, int]) -> str:
    return f"{table}_{month[0]:04}_{month[1]:02}"


def _following(month: tuple[int, int]) -> tuple[int, int]:
    return (month[0] + 1, 1) if month[1] == 12 else (month[0], month[1] + 1)


def _first_day(month: tuple[int, int]) -> str:
    return f"{month[0]:04}-{month[1]:02}-01 00:00:00+00"
