from django.db import migrations


def by_month(table: str) -> migrations.RunSQL:
    """Exchanges the empty table for one of the same shape that is partitioned by its hour.

    A delete of the model drops either, so there is nothing to reverse.
    """
    return migrations.RunSQL(
        sql=[
            f"ALTER TABLE {table} RENAME TO {table}_plain",
            f"CREATE TABLE {table} (LIKE {table}_plain INCLUDING ALL) PARTITION BY RANGE (hour)",
            f"DROP TABLE {table}_plain",
        ],
        reverse_sql=migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [("showback", "0001_initial")]
    operations = [by_month("showback_usage_hour"), by_month("showback_usage_minutes")]
