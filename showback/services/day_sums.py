"""Sums a day of the finance time zone over whole teams, from what a fill of the day wrote."""

from datetime import date

from django.db import connection

COSTS = """
INSERT INTO showback_team_cost_day (day, team_id, category, amount, priced, unpriced)
SELECT day, team_id, category, coalesce(sum(amount), 0), count(price_id),
       count(*) - count(price_id)
FROM showback_cost_line WHERE day = %s GROUP BY day, team_id, category"""
# Two numbers that are compared are summed where both are known.
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
FROM showback_service_day WHERE day = %s GROUP BY day, team_id"""


def sum_day(day: date) -> None:
    """Replaces the day's sums; in the caller's transaction, so they never tell another story."""
    with connection.cursor() as cursor:
        for table, statement in (("cost", COSTS), ("use", USE)):
            cursor.execute(f"DELETE FROM showback_team_{table}_day WHERE day = %s", [day])  # noqa: S608
            cursor.execute(statement, [day])
