from django.db import migrations

from portal.append_only import forbid_changes


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_initial")]
    operations = [forbid_changes("portal_auditrow")]
