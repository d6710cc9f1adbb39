from datetime import date

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

import quotas.models.budgets


def take_over(apps, schema_editor):
    """What stood undated held for all months."""
    teams = apps.get_model("quotas", "Team").objects.exclude(monthly_budget=None)
    budgets = apps.get_model("quotas", "TeamBudget").objects
    budgets.bulk_create(
        budgets.model(team=team, amount=team.monthly_budget, from_month=date(2000, 1, 1))
        for team in teams
    )


def give_back(apps, schema_editor):
    """The newest amount is the one that stands undated."""
    for budget in apps.get_model("quotas", "TeamBudget").objects.order_by("from_month"):
        apps.get_model("quotas", "Team").objects.filter(pk=budget.team_id).update(
            monthly_budget=budget.amount
        )


class Migration(migrations.Migration):
    dependencies = [("quotas", "0011_policy_drafts")]
    operations = [
        migrations.CreateModel(
            "TeamBudget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.DecimalField(decimal_places=2, max_digits=14)),
                ("from_month", models.DateField()),
                ("until_month", models.DateField(default=date(9999, 1, 1))),
                ("set_at", models.DateTimeField(null=True)),
                ("set_by_id", models.BigIntegerField(null=True)),
                ("team", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="budgets", to="quotas.team")),
            ],
            options={"ordering": ["team", "-from_month"]},
        ),
        migrations.AddConstraint(
            "teambudget",
            models.CheckConstraint(condition=Q(from_month__lt=F("until_month")), name="budget_months_not_empty"),
        ),
        migrations.AddConstraint(
            "teambudget",
            models.CheckConstraint(condition=Q(from_month__day=1, until_month__day=1), name="budget_of_whole_months"),
        ),
        migrations.AddConstraint(
            "teambudget",
            models.CheckConstraint(condition=Q(amount__gte=0), name="budget_not_negative"),
        ),
        migrations.AddConstraint(
            "teambudget",
            django.contrib.postgres.constraints.ExclusionConstraint(
                name="one_budget_at_a_time",
                expressions=[
                    ("team", django.contrib.postgres.fields.ranges.RangeOperators.EQUAL),
                    (quotas.models.budgets.DateRange("from_month", "until_month"), django.contrib.postgres.fields.ranges.RangeOperators.OVERLAPS),
                ],
            ),
        ),
        migrations.RunPython(take_over, give_back),
        migrations.RemoveField("team", "monthly_budget"),
    ]  # fmt: skip
