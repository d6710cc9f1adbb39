"""When a start was given up, in place of when it would be: the ledger says that itself."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("quotas", "0019_edge_checks")]

    operations = [
        migrations.RenameField(model_name="change", old_name="give_up_at", new_name="gave_up_at"),
    ]
