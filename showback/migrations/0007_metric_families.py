"""Both families of metrics, service tiers and active tokens.

Columns without a value in any row: nothing is rewritten, however much use there is.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("showback", "0006_callers_without_last_seen")]
    operations = [
        migrations.AddField("usagehour", "priority_requests", models.BigIntegerField(null=True)),
        migrations.AddField("usagehour", "active_tokens", models.BigIntegerField(null=True)),
        migrations.AddField(
            "usagehour",
            "metric_family",
            models.SmallIntegerField(
                choices=[
                    (0, "none: it was idle"),
                    (1, "Azure OpenAI metrics"),
                    (2, "Models metrics"),
                    (3, "Azure OpenAI metrics, else Models metrics"),
                ],
                default=0,
                db_default=0,
            ),
        ),
        *(
            migrations.AddField(
                "usageminutes", name, ArrayField(models.IntegerField(null=True), null=True)
            )
            for name in ("priority", "active")
        ),
        *(
            migrations.AddField("usagedayblock", name, models.BinaryField(null=True))
            for name in ("priority", "active")
        ),
        # Blocks are compressed already (0003).
        *(
            migrations.RunSQL(
                f"ALTER TABLE showback_usage_day_block ALTER COLUMN {name} SET STORAGE EXTERNAL",
                migrations.RunSQL.noop,
            )
            for name in ("priority", "active")
        ),
    ]
