"""Tables of a bench's own: empty ones of the same shape, in a schema that goes away at the end.

So a bench may commit, and neither reads nor changes anything of the installation, and no task that
runs meanwhile sees its rows.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import CommandError
from django.db import connection

from showback.services.locks import pipeline_lock

SCHEMA = "headroom_bench"
PARTITIONED_BY = {
    "showback_usage_hour": "hour",
    "showback_usage_minutes": "hour",
    "showback_usage_day_block": "day",
}


def say(sentence: str) -> None:
    """Progress: on standard error, as the result goes to standard output."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def own_tables() -> Iterator[None]:
    """Every table of quotas and showback, empty. One bench at a time; CommandError for a second."""
    with pipeline_lock("bench") as ours:
        if not ours:
            raise CommandError("Another bench is running on this database. Wait for its end.")
        home = _ask("SELECT current_schema()")
        try:
            _make(home)
            yield
        finally:
            _run(f'SET search_path TO "{home}"', f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def _make(home: str) -> None:
    # What a bench that was killed left behind goes first.
    _run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE", f"CREATE SCHEMA {SCHEMA}")
    for table in connection.introspection.table_names():
        if table.startswith(("quotas_", "showback_")) and not table[-7:].replace("_", "").isdigit():
            key = PARTITIONED_BY.get(table)
            kind = f"PARTITION BY RANGE ({key})" if key else ""
            _run(f'CREATE TABLE {SCHEMA}.{table} (LIKE "{home}".{table} INCLUDING ALL) {kind}')
    _run(f'SET search_path TO {SCHEMA}, "{home}"')


def _run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _ask(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])
