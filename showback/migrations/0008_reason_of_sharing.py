"""Why a deployment is shared from a day of the past on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("showback", "0007_metric_families")]
    operations = [
        migrations.AddField(
            "shareddeployment", "reason", models.CharField(blank=True, default="", max_length=300),
            preserve_default=False,
        ),
    ]  # fmt: skip
