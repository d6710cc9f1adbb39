"""Sums of the days that are there already. Their services' teams are those of today."""

from django.db import migrations

TEAMS = """
UPDATE showback_service_day AS used SET team_id = service.team_id
FROM quotas_service AS service WHERE service.id = used.service_id"""
COSTS = """
INSERT INTO showback_team_cost_day (day, team_id, category, amount, priced, unpriced)
SELECT day, team_id, category, coalesce(sum(amount), 0), count(price_id),
       count(*) - count(price_id)
FROM showback_cost_line GROUP BY day, team_id, category"""
USE = """
INSERT INTO showback_team_use_day (day, team_id, prompt_tokens, generated_tokens,
    cached_tokens_estimated, ok_requests, throttled_requests, other_requests, spilled_requests,
    throttled_minutes, minutes_received, minutes_expected, capacity_tokens, held_capacity_tokens)
SELECT day, team_id, sum(prompt_tokens), sum(generated_tokens),
    sum(cached_tokens_estimated), sum(ok_requests), sum(throttled_requests), sum(other_requests),
    sum(spilled_requests), coalesce(sum(throttled_minutes), 0), sum(minutes_received),
    sum(minutes_expected),
    coalesce(sum(capacity_tokens) FILTER (WHERE held_capacity_tokens IS NOT NULL), 0),
    coalesce(sum(held_capacity_tokens), 0)
FROM showback_service_day GROUP BY day, team_id"""


class Migration(migrations.Migration):
    dependencies = [("showback", "0010_days_of_teams")]
    operations = [
        migrations.RunSQL(statement, migrations.RunSQL.noop) for statement in (TEAMS, COSTS, USE)
    ]
