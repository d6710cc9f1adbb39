import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0020_gave_up"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KillSwitch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_on", models.BooleanField(default=True)),
                ("turned_on_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=200)),
                ("turned_off_at", models.DateTimeField(null=True)),
                ("reason_to_go_on", models.CharField(blank=True, max_length=200)),
                (
                    "turned_off_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "turned_on_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="kill_switches_thrown",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-turned_on_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_on", True)),
                        fields=("is_on",),
                        name="one_kill_switch_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("is_on", True),
                                ("turned_off_at__isnull", True),
                                ("turned_off_by__isnull", True),
                            ),
                            models.Q(
                                ("is_on", False),
                                ("turned_off_at__isnull", False),
                                ("turned_off_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="kill_switch_turned_off_by_somebody",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="change",
            name="agreed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="change",
            name="held_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="quotas.freeze",
            ),
        ),
    ]
