"""What became of bursts that are over; never edited."""

import django.db.models.deletion
from django.db import migrations, models

from portal.append_only import forbid_changes


class Migration(migrations.Migration):
    dependencies = [("quotas", "0015_review_hours")]

    operations = [
        migrations.CreateModel(
            name="BurstReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("facts", models.JSONField()),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="burst_report",
                        to="quotas.capacityrequest",
                    ),
                ),
            ],
        ),
        forbid_changes("quotas_burstreport"),
    ]
