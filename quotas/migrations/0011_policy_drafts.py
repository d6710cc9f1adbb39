from django.db import migrations, models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from portal.append_only import forbid_changes


class Migration(migrations.Migration):
    dependencies = [("quotas", "0010_decisions_on_edits")]
    operations = [
        migrations.RenameField("policyversion", "limits", "content"),
        migrations.AlterField(
            "policyversion", "number", models.PositiveIntegerField(null=True, unique=True)
        ),
        migrations.AlterField("policyversion", "published_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "policyversion", "note", models.CharField(blank=True, default="", max_length=400),
            preserve_default=False,
        ),
        migrations.AddField("policyversion", "drafted_by_id", models.BigIntegerField(null=True)),
        migrations.AddField("policyversion", "drafted_at", models.DateTimeField(null=True)),
        migrations.AddField("policyversion", "edited_by_ids", models.JSONField(default=list)),
        migrations.AddField("policyversion", "edited_at", models.DateTimeField(null=True)),
        migrations.AlterModelOptions(
            "policyversion", options={"ordering": [F("number").desc(nulls_last=True)]}
        ),
        migrations.AddConstraint(
            "policyversion",
            models.CheckConstraint(
                condition=Q(number__isnull=True, published_at__isnull=True)
                | Q(number__isnull=False, published_at__isnull=False),
                name="policy_numbered_when_published",
            ),
        ),
        migrations.AddConstraint(
            "policyversion",
            models.CheckConstraint(
                condition=~Q(published_by_id=F("drafted_by_id"))
                | Q(published_by_id__isnull=True)
                | Q(drafted_by_id__isnull=True),
                name="policy_published_by_a_second_person",
            ),
        ),
        migrations.AddConstraint(
            "policyversion",
            models.UniqueConstraint(
                Coalesce("number", Value(0)),
                condition=Q(number__isnull=True),
                name="one_policy_draft",
            ),
        ),
        forbid_changes("quotas_policyversion", when="OLD.number IS NOT NULL"),
    ]  # fmt: skip
