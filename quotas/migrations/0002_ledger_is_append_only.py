from django.db import migrations

from portal.append_only import forbid_changes


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial"), ("portal", "0002_audit_is_append_only")]
    operations = [forbid_changes("quotas_ledgerentry")]
