"""Sums a month up to each of its days (finance time zone), from what fills of those days wrote."""

from datetime import date

from django.db import connection

from showback.domain.months import Month
from showback.models import MonthToDate
from showback.selectors.cents import COSTS
from showback.selectors.use_totals import LISTED

# A day's own sums, and those up to the day before it; by member, and of each account as a whole. A
# day without lines and use has no row, so the rows are the same in whatever order days were filled.
# Two numbers that are compared are summed where both are known.
SUMS = """
WITH own AS (
    SELECT CASE WHEN team_id IS NOT NULL THEN 'team' WHEN category = 'unallocated' THEN category
                ELSE 'unattributed' END AS kind,
        team_id, service_id, CASE WHEN team_id IS NULL THEN deployment_id END AS deployment_id,
        coalesce(sum(amount), 0) AS amount,
        coalesce(sum(amount) FILTER (WHERE category = 'ptu_idle'), 0) AS idle,
        count(price_id) AS priced, count(*) - count(price_id) AS unpriced,
        0 AS prompt_tokens, 0 AS generated_tokens, 0 AS minutes_received, 0 AS minutes_expected,
        0 AS capacity_tokens, 0 AS held_capacity_tokens
    FROM showback_cost_line WHERE day = %(day)s GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT CASE WHEN team_id IS NULL THEN 'unattributed' ELSE 'team' END,
        team_id, service_id, CASE WHEN team_id IS NULL THEN deployment_id END, 0, 0, 0, 0,
        sum(prompt_tokens), sum(generated_tokens), sum(minutes_received), sum(minutes_expected),
        coalesce(sum(capacity_tokens) FILTER (WHERE held_capacity_tokens IS NOT NULL), 0),
        coalesce(sum(held_capacity_tokens), 0)
    FROM showback_service_day WHERE day = %(day)s GROUP BY 1, 2, 3, 4
), to_date AS (
    SELECT * FROM own
    UNION ALL
    SELECT {columns} FROM showback_month_to_date
    WHERE NOT is_whole AND EXISTS (SELECT FROM own) AND day = (
        SELECT max(day) FROM showback_month_to_date WHERE day >= %(first)s AND day < %(day)s)
)
INSERT INTO showback_month_to_date (day, is_whole, {columns})
SELECT %(day)s, grouping(service_id) = 1, {key}, {sums} FROM to_date
GROUP BY GROUPING SETS (({key}), (kind, team_id))"""
KEY = ("kind", "team_id", "service_id", "deployment_id")
SUMMED = (*COSTS, *LISTED)
STATEMENT = SUMS.format(
    key=", ".join(KEY),
    columns=", ".join((*KEY, *SUMMED)),
    sums=", ".join(f"sum({name})" for name in SUMMED),
)


def sum_from(day: date) -> None:
    """Replaces the sums up to this day and up to each later one of its month.

    In the transaction that wrote the day, so that they never tell another story than its lines do.
    """
    month = Month.of(day)
    there = MonthToDate.objects.filter(day__gte=day, day__lte=month.last_day).order_by()
    later = there.filter(day__gt=day).values_list("day", flat=True).distinct()
    days = sorted({day, *later})
    there.delete()
    with connection.cursor() as cursor:
        for each in days:
            cursor.execute(STATEMENT, {"day": each, "first": month.first_day})
