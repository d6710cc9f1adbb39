"""Month partitions of the usage tables: made before the first row of a month, dropped whole."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection

MonthKey = tuple[int, int]  # year, month (UTC)

HOURS, MINUTES, BLOCKS = (
    "showback_usage_hour",
    "showback_usage_minutes",
    "showback_usage_day_block",
)
TABLES = (HOURS, MINUTES, BLOCKS)
# A day block has some kilobytes: up to the size of a page it stays in its row, and a read of many
# days need not look up their parts one by one.
OPTIONS = {BLOCKS: "WITH (toast_tuple_target = 8160)"}


def ensure_partitions(hours: Iterable[datetime]) -> None:
    """Makes what is missing for these hours (UTC months). Call it inside the writing transaction.

    One maker at a time. The new table is attached, not created in place: attaching lets readers of
    the other months go on.
    """
    wanted = {(table, month_of(hour)) for hour in hours for table in TABLES}
    there = {(table, month) for table in TABLES for month in partitions_of(table)}
    missing = sorted(wanted - there)
    if not missing:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('showback-partitions', 0))")
        for table, month in missing:
            if not _exists(name_of(table, month)):
                _make(table, month)


def partitions_of(table: str) -> list[MonthKey]:
    """The months for which the table has a partition, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [table],
        )
        names = [row[0].rpartition(".")[2] for row in cursor.fetchall()]
    return sorted((int(name[-7:-3]), int(name[-2:])) for name in names)


def drop_partition(table: str, month: MonthKey) -> None:
    """Takes the month away whole: no dead rows are left. Waits for readers of the table."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name_of(table, month)}")


def name_of(table: str, month: MonthKey) -> str:
    return f"{table}_{month[0]:04}_{month[1]:02}"


def month_of(at: datetime) -> MonthKey:
    utc = at.astimezone(UTC)
    return utc.year, utc.month


def start_of(month: MonthKey) -> datetime:
    return datetime(month[0], month[1], 1, tzinfo=UTC)


def months_before(month: MonthKey, count: int) -> MonthKey:
    """The month `count` months earlier; with a negative count, later."""
    years, index = divmod(month[0] * 12 + month[1] - 1 - count, 12)
    return years, index + 1


def _make(table: str, month: MonthKey) -> None:
    name = name_of(table, month)
    with connection.cursor() as cursor:
        options = OPTIONS.get(table, "")
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL) {options}")
        cursor.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES "
            f"FROM ('{_bound(month)}') TO ('{_bound(months_before(month, -1))}')"
        )


def _exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def _bound(month: MonthKey) -> str:
    """Read by PostgreSQL as a moment or as a day, whatever the table is partitioned by."""
    return f"{start_of(month):%Y-%m-%d %H:%M:%S}+00"
