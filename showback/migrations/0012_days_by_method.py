"""Days by method, and those of the hours that are there already."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

DAYS = """
INSERT INTO showback_method_day
    (day, deployment_id, method, used_tokens, minutes_received, minutes_expected)
SELECT (hour AT TIME ZONE %s)::date, deployment_id, method, sum(prompt_tokens + generated_tokens),
       sum(minutes_received), sum(minutes_expected)
FROM showback_service_hour GROUP BY 1, 2, 3"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(DAYS, [settings.HEADROOM_FINANCE_TIME_ZONE])


class Migration(migrations.Migration):
    dependencies = [
        ("showback", "0011_sums_of_teams"),
    ]

    operations = [
        migrations.CreateModel(
            name="MethodDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("gateway", "Counted by the gateway, caller by caller"),
                            ("split", "Divided by the split rule"),
                            ("holder", "Held by one service in that hour"),
                            ("held_share", "Shared by what each service held in that hour"),
                            ("mapping", "Mapped to the service; nobody held it in that hour"),
                            ("none", "Unattributed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("used_tokens", models.BigIntegerField()),
                ("minutes_received", models.BigIntegerField()),
                ("minutes_expected", models.BigIntegerField()),
                (
                    "deployment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quotas.deployment",
                    ),
                ),
            ],
            options={
                "db_table": "showback_method_day",
                "ordering": ["day", "deployment_id", "method"],
                "indexes": [models.Index(fields=["day"], name="method_day_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("deployment", "day", "method"), name="one_method_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("used_tokens__gte", 0)), name="method_day_not_negative"
                    ),
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
