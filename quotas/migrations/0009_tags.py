"""Tags of accounts and deployments, as Azure has them: a deployment without a service may say whose
it is.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0008_pool_reserves")]
    operations = [
        migrations.AddField(name, "tags", models.JSONField(blank=True, default=dict))
        for name in ("azureaccount", "deployment")
    ]
