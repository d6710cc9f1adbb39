"""Of which deployments of an account an hour is whole.

Filled for the last three days from the hours that are there: older ones are asked for by nobody.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

FILL = """
INSERT INTO showback_account_hour (hour, account_id, whole, partial)
SELECT hour, account_id,
    coalesce(array_agg(used.deployment_id ORDER BY used.deployment_id)
        FILTER (WHERE minutes_received = 60), '{}'),
    coalesce(array_agg(used.deployment_id ORDER BY used.deployment_id)
        FILTER (WHERE minutes_received < 60), '{}')
FROM showback_usage_hour AS used JOIN quotas_deployment AS of ON of.id = used.deployment_id
WHERE hour > (SELECT max(hour) - interval '3 days' FROM showback_usagepull)
GROUP BY 1, 2"""


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0023_findings"),
        ("showback", "0014_months_to_date"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "hour",
                        "account_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("hour", models.DateTimeField()),
                (
                    "whole",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "partial",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="quotas.azureaccount",
                    ),
                ),
            ],
            options={
                "db_table": "showback_account_hour",
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
