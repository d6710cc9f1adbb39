"""Days in which a deployment that spills over refused calls are worked out again: what the other
deployment served was refused to nobody.
"""

from django.db import migrations

MARKS = """
INSERT INTO showback_touchedhour (hour, deployment_id)
SELECT used.hour, used.deployment_id FROM showback_usage_hour AS used
JOIN quotas_deployment AS deployment ON deployment.id = used.deployment_id
WHERE deployment.spillover_deployment_name <> '' AND used.throttled_requests > 0"""


class Migration(migrations.Migration):
    dependencies = [("showback", "0012_days_by_method")]
    operations = [migrations.RunSQL(MARKS, migrations.RunSQL.noop)]
