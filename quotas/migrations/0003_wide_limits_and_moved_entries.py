"""Limits of enqueued tokens pass two thousand million; entries move along when a pool changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0002_ledger_is_append_only")]

    operations = [
        migrations.AlterField(
            model_name="poollimit",
            name="limit_units",
            field=models.PositiveBigIntegerField(),
        ),
        migrations.AlterField(
            model_name="poollimit",
            name="azure_used_units",
            field=models.PositiveBigIntegerField(),
        ),
        migrations.AlterField(
            model_name="poollimit",
            name="outside_units",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="is_reissued",
            field=models.BooleanField(default=False),
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry", name="one_entry_per_approved_request"
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_reissued", False), ("kind__in", ["burst", "baseline"])),
                fields=("request", "deployment"),
                name="one_entry_per_approved_request",
            ),
        ),
    ]
