"""Days of teams become months up to each day, by service; days of callers that nobody mapped.

The first are filled from the lines and service days that are there: the same amounts, added up. For
the second the roll-up works out the last month of what is shared once more.
"""

import django.db.models.deletion
from django.db import migrations, models

SUMS = """
SELECT day, CASE WHEN team_id IS NOT NULL THEN 'team' WHEN category = 'unallocated' THEN category
        ELSE 'unattributed' END AS kind,
    team_id, service_id, CASE WHEN team_id IS NULL THEN deployment_id END AS deployment_id,
    coalesce(sum(amount), 0) AS amount,
    coalesce(sum(amount) FILTER (WHERE category = 'ptu_idle'), 0) AS idle,
    count(price_id) AS priced, count(*) - count(price_id) AS unpriced,
    0 AS prompt_tokens, 0 AS generated_tokens, 0 AS minutes_received, 0 AS minutes_expected,
    0 AS capacity_tokens, 0 AS held_capacity_tokens
FROM showback_cost_line GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT day, CASE WHEN team_id IS NULL THEN 'unattributed' ELSE 'team' END, team_id, service_id,
    CASE WHEN team_id IS NULL THEN deployment_id END, 0, 0, 0, 0,
    sum(prompt_tokens), sum(generated_tokens), sum(minutes_received), sum(minutes_expected),
    coalesce(sum(capacity_tokens) FILTER (WHERE held_capacity_tokens IS NOT NULL), 0),
    coalesce(sum(held_capacity_tokens), 0)
FROM showback_service_day GROUP BY 1, 2, 3, 4, 5"""
FILL = f"""
WITH by_day AS ({SUMS})
INSERT INTO showback_month_to_date (day, is_whole, kind, team_id, service_id, deployment_id, amount,
    idle, priced, unpriced, prompt_tokens, generated_tokens, minutes_received, minutes_expected,
    capacity_tokens, held_capacity_tokens)
SELECT filled.day, grouping(service_id) = 1, kind, team_id, service_id, deployment_id, sum(amount),
    sum(idle), sum(priced), sum(unpriced), sum(prompt_tokens), sum(generated_tokens),
    sum(minutes_received), sum(minutes_expected), sum(capacity_tokens), sum(held_capacity_tokens)
FROM (SELECT DISTINCT day FROM by_day) AS filled JOIN by_day
    ON by_day.day <= filled.day AND by_day.day >= date_trunc('month', filled.day)::date
GROUP BY GROUPING SETS (
    (filled.day, kind, team_id, service_id, deployment_id), (filled.day, kind, team_id))"""  # noqa: S608
MARKS = """
INSERT INTO showback_touchedhour (hour, deployment_id)
SELECT DISTINCT counted.hour, target.deployment_id FROM showback_caller_hour AS counted
JOIN showback_caller_target AS target ON target.id = counted.target_id
WHERE target.deployment_id IS NOT NULL
AND counted.hour > (SELECT max(hour) - interval '32 days' FROM showback_caller_hour)"""


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0018_sandboxes"),
        ("showback", "0013_refusals_that_callers_met"),
    ]

    operations = [
        migrations.CreateModel(
            name="MonthToDate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("is_whole", models.BooleanField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("team", "A team's"),
                            ("unallocated", "Provisioned capacity that nobody held"),
                            ("unattributed", "Use that is nobody's"),
                        ],
                        max_length=12,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=12, max_digits=36)),
                ("idle", models.DecimalField(decimal_places=12, max_digits=36)),
                ("priced", models.IntegerField()),
                ("unpriced", models.IntegerField()),
                ("prompt_tokens", models.BigIntegerField()),
                ("generated_tokens", models.BigIntegerField()),
                ("minutes_received", models.IntegerField()),
                ("minutes_expected", models.IntegerField()),
                ("capacity_tokens", models.BigIntegerField()),
                ("held_capacity_tokens", models.BigIntegerField()),
                (
                    "deployment",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quotas.deployment",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quotas.service",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quotas.team",
                    ),
                ),
            ],
            options={
                "db_table": "showback_month_to_date",
                "ordering": ["day", "-is_whole", "kind", "team_id", "service_id", "deployment_id"],
            },
        ),
        migrations.CreateModel(
            name="UnmappedDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("used_tokens", models.BigIntegerField()),
                ("filtered", models.BigIntegerField()),
                ("hours", models.IntegerField()),
                ("logged", models.IntegerField()),
                (
                    "caller",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="showback.caller",
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="quotas.deployment",
                    ),
                ),
            ],
            options={
                "db_table": "showback_unmapped_day",
                "ordering": ["day", "deployment_id", "caller_id"],
            },
        ),
        migrations.DeleteModel(
            name="TeamCostDay",
        ),
        migrations.DeleteModel(
            name="TeamUseDay",
        ),
        migrations.AddConstraint(
            model_name="monthtodate",
            constraint=models.UniqueConstraint(
                fields=("day", "is_whole", "kind", "team", "service", "deployment"),
                name="one_month_to_date",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="monthtodate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "team"), ("team__isnull", False)),
                    models.Q(("kind__in", ["unallocated", "unattributed"]), ("team__isnull", True)),
                    _connector="OR",
                ),
                name="month_to_date_of_a_team_or_the_platform",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthtodate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("deployment__isnull", True), ("is_whole", True), ("service__isnull", True)
                    ),
                    models.Q(
                        ("deployment__isnull", True),
                        ("is_whole", False),
                        ("kind", "team"),
                        ("service__isnull", False),
                    ),
                    models.Q(
                        ("is_whole", False),
                        ("service__isnull", True),
                        ("team__isnull", True),
                        ("deployment__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="month_to_date_of_one_or_of_the_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthtodate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("priced__gt", 0), models.Q(("amount", 0), ("idle", 0)), _connector="OR"
                ),
                name="no_amount_without_a_price",
            ),
        ),
        migrations.AddConstraint(
            model_name="unmappedday",
            constraint=models.UniqueConstraint(
                fields=("day", "deployment", "caller"), name="one_unmapped_day"
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(MARKS, migrations.RunSQL.noop),
    ]
