import django.db.models.deletion
from django.db import migrations, models

MEASURES = (
    "ok",
    "throttled",
    "other",
    "spilled",
    "prompt",
    "generated",
    "cache_percent",
    "utilisation_percent",
)
BLOCK = "showback_usage_day_block"


def deployment(on_delete, **more) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=on_delete,
        related_name="+",
        to="quotas.deployment",
        **more,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0003_wide_limits_and_moved_entries"),
        ("showback", "0002_usage_is_partitioned"),
    ]
    operations = [
        migrations.CreateModel(
            name="DayBasis",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day",
                        "deployment_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("basis", models.BigIntegerField()),
                ("deployment", deployment(django.db.models.deletion.CASCADE)),
            ],
            options={"db_table": "showback_day_basis"},
        ),
        migrations.CreateModel(
            name="Kept",
            fields=[
                (
                    "what",
                    models.CharField(
                        choices=[("minutes", "Minutes"), ("hours", "Hours"), ("days", "Days")],
                        max_length=8,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("since", models.DateTimeField()),
            ],
            options={"db_table": "showback_kept"},
        ),
        migrations.CreateModel(
            name="UsageDayBlock",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "deployment_id",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("codec", models.SmallIntegerField()),
                ("hours", models.IntegerField()),
                *((name, models.BinaryField(null=True)) for name in MEASURES),
                ("deployment", deployment(django.db.models.deletion.PROTECT)),
            ],
            options={"db_table": BLOCK, "ordering": ["day"]},
        ),
        migrations.AddConstraint(
            model_name="usagedayblock",
            constraint=models.CheckConstraint(
                condition=models.Q(("hours__gt", 0), ("hours__lt", 1 << 24)),
                name="day_block_has_hours",
            ),
        ),
        # Partitioned like the other usage tables; a delete of the model drops either form.
        # The bytes are compressed already: PostgreSQL need not try again.
        migrations.RunSQL(
            sql=[
                f"ALTER TABLE {BLOCK} RENAME TO {BLOCK}_plain",
                f"CREATE TABLE {BLOCK} (LIKE {BLOCK}_plain INCLUDING ALL) PARTITION BY RANGE (day)",
                f"DROP TABLE {BLOCK}_plain",
                *(
                    f"ALTER TABLE {BLOCK} ALTER COLUMN {name} SET STORAGE EXTERNAL"
                    for name in MEASURES
                ),
            ],
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="touchedhour",
            name="deployment",
            field=deployment(django.db.models.deletion.CASCADE, null=True),
        ),
        migrations.AddIndex(
            model_name="touchedhour",
            index=models.Index(fields=["hour"], name="touched_by_hour"),
        ),
    ]
