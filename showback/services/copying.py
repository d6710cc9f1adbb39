"""Whole days replaced by DELETE and COPY: several times as fast as inserts."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection


def copy_stream(table: str, columns: Sequence[str], stream: bytes) -> None:
    """Appends a whole binary stream (`showback.domain.pgcopy`) to one of our own tables."""
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        copy.write(stream)


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Appends rows of Python values, in the order of the columns, to one of our own tables."""
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in rows:
            copy.write_row(row)
