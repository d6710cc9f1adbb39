"""Empties the database after a test that committed: only tables that hold rows.

Django's flush makes every table anew and then writes all content types and permissions again, which
takes longer than most of these tests.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.test import TransactionTestCase

# What Django writes after each migration. The same for every test, so it stays.
WRITTEN_BY_DJANGO = {"django_content_type", "auth_permission"}

whole_flush = TransactionTestCase._fixture_teardown


def empty_filled_tables(case: TransactionTestCase) -> None:
    """Takes the place of `TransactionTestCase._fixture_teardown`, on the only database.

    Like TRUNCATE it waits for whatever still writes, and no trigger keeps a row: rows of the audit
    cannot be deleted otherwise. Only a superuser may say so; for others Django's own way remains.
    """
    if not may_silence_triggers():
        whole_flush(case)
        return
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = {name: connection.ops.quote_name(name) for name in {*names} - WRITTEN_BY_DJANGO}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables.values())}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        asked = [
            f"SELECT '{name}' WHERE EXISTS (SELECT FROM {quoted})"  # noqa: S608 - our own tables
            for name, quoted in tables.items()
        ]
        cursor.execute(" UNION ALL ".join(asked))
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {tables[name]}")  # noqa: S608 - our own tables


def may_silence_triggers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
