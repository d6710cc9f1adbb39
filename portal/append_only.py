"""A database trigger that forbids update and delete: for the ledger and the audit rows."""

from django.db.migrations import RunSQL

FUNCTION = """
CREATE OR REPLACE FUNCTION headroom_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct it with a reversing row', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""


def forbid_changes(table: str, *, when: str = "") -> RunSQL:
    """A migration operation. `when` is SQL over OLD: only such rows are protected.

    TRUNCATE stays possible: only the table's owner has that right, and tests use it.
    """
    only = f"WHEN ({when}) " if when else ""
    return RunSQL(
        sql=[
            FUNCTION,
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW {only}EXECUTE FUNCTION headroom_append_only()",
        ],
        reverse_sql=f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}",
    )
