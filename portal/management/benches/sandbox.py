"""Tables of a bench's own: empty ones of the same shape, in a schema that goes away at the end.

So a bench may commit, and neither reads nor changes anything of the installation, and no task that
runs meanwhile sees its rows.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import CommandError
from django.db import ProgrammingError, connection
from django.db.models import Model

from portal.readiness import pending_migrations
from showback.services.locks import pipeline_lock

SCHEMA = "headroom_bench"
# Of each table: its name, and by what it is partitioned, if it is. Partitions are made when needed.
TABLES = """
    SELECT relname, CASE WHEN relkind = 'p' THEN pg_get_partkeydef(oid) ELSE '' END
    FROM pg_class WHERE relnamespace = %s::regnamespace
    AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"""


def say(sentence: str) -> None:
    """Progress: on standard error, as the result goes to standard output."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def own_tables(*names: str) -> Iterator[None]:
    """Every table, empty, in one schema or, for a comparison, in one for each name (see `within`).

    One bench at a time: CommandError for a second, and where the database does not allow it or is
    not migrated.
    """
    if pending := pending_migrations():
        raise CommandError(
            f"{pending} migrations are not applied, and the bench copies the shape of the tables: "
            "run `manage.py migrate` first, then the bench again. Nothing was changed."
        )
    schemas = [schema_of(name) for name in names or ("",)]
    with pipeline_lock("bench") as ours:
        if not ours:
            raise CommandError("Another bench is running on this database. Wait for its end.")
        home = _ask("SELECT current_schema()")
        try:
            for schema in schemas:
                _make(schema, home)
            yield
        finally:
            _run(f'SET search_path TO "{home}"')
            _run(*(f"DROP SCHEMA IF EXISTS {schema} CASCADE" for schema in schemas))


def within(name: str) -> None:
    """From now on this connection reads and writes the tables of that name."""
    _run(f"SET search_path TO {schema_of(name)}")


@contextmanager
def own_connection(name: str = "") -> Iterator[None]:
    """In a process that was forked: a connection of its own, to the same tables.

    The parent's is left alone, not closed: closing it would end the parent's session as well.
    """
    inherited, connection.connection = connection.connection, None
    try:
        within(name)
        yield
    finally:
        connection.close()
        connection.connection = inherited  # the process ends without closing it


@contextmanager
def everywhere(name: str = "") -> Iterator[None]:
    """New connections too, such as those of other threads, read and write those tables."""
    options = connection.settings_dict["OPTIONS"]
    before = dict(options)
    path = f"-c search_path={schema_of(name)}"
    options["options"] = f"{before.get('options', '')} {path}".strip()
    try:
        yield
    finally:
        options.clear()
        options.update(before)


def know_the_rows(*models: type[Model]) -> None:
    """What PostgreSQL's own upkeep does sooner or later: it counts the rows, to plan by them."""
    _run(f"ANALYZE {', '.join(model._meta.db_table for model in models)}")


def schema_of(name: str) -> str:
    return f"{SCHEMA}_{name}" if name else SCHEMA


def _make(schema: str, home: str) -> None:
    try:
        # What a bench that was killed left behind goes first.
        _run(f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}")
    except ProgrammingError as problem:
        raise CommandError(
            f"The bench makes tables of its own and may not: {problem}Give the database's user "
            "the right to create schemas, or run it on another database."
        ) from problem
    with connection.cursor() as cursor:
        cursor.execute(TABLES, [home])
        found = cursor.fetchall()
    for table, key in found:
        kind = f"PARTITION BY {key}" if key else ""
        _run(f'CREATE TABLE {schema}.{table} (LIKE "{home}".{table} INCLUDING ALL) {kind}')
    # Not the home as well: a partition of the same month there would be taken for ours.
    _run(f"SET search_path TO {schema}")


def _run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _ask(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])
