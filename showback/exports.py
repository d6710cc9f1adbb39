"""CSV of what a page shows: exact values, and nothing that a spreadsheet would run."""

import csv
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

from portal.kernel.received import Received
from portal.kernel.shown import Shown
from showback.selectors.month import ListPage
from showback.selectors.service_day import ServiceDayPage
from showback.selectors.service_month import DayRow, ServiceMonth

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """A download. Texts that a spreadsheet would take for a formula get an apostrophe."""
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(answer)
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return answer


def _cell(value: object) -> object:
    if isinstance(value, Shown):
        return value.value
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def list_csv(name: str, first: str, page: ListPage, currency: str) -> HttpResponse:
    header = [
        first,
        f"Cost ({currency})",
        f"{page.month.compared_with} ({currency})",
        f"Of it idle provisioned ({currency})",
        "Tokens",
        "Used of held",
        "Complete",
        "Minutes missing",
        "Minutes due",
        "Unpriced lines",
    ]
    rows = [
        (
            row.name,
            row.cost,
            row.before,
            row.idle,
            row.use.tokens,
            row.used_label,
            row.completeness,
            row.received.missing,
            row.received.due,
            row.costs.unpriced,
        )
        for row in [*page.rows, page.total]
    ]
    return csv_answer(name, header, rows)


def service_csv(name: str, page: ServiceMonth, currency: str) -> HttpResponse:
    header = [
        "Day",
        *(f"{column} ({currency})" for column in page.columns),
        *(f"Cost ({currency})", "Tokens", "Minutes missing", "Minutes due"),
    ]
    rows = [(row.day.isoformat(), *row.cells, row.amount, *_use(row)) for row in page.rows]
    return csv_answer(name, header, [*rows, ("Together", *page.totals, page.amount, *_use(page))])


def _use(part: DayRow | ServiceMonth) -> tuple[int, int, int]:
    return part.use.tokens, part.received.missing, part.received.due


def day_csv(name: str, page: ServiceDayPage, currency: str) -> HttpResponse:
    header = (
        *("Deployment", "Category", "Meter", "Quantity", "Unit", "Price"),
        *(f"Cost ({currency})", "Exact", "Estimated", "How it is known"),
        *("Minutes missing", "Minutes due"),
    )
    received = {key: use.received for key, use in page.use_by_deployment.items()}
    rows = [
        (
            row.deployment,
            row.category,
            row.meter,
            row.quantity,
            row.unit,
            row.price or "",
            "unpriced" if row.cents is None else row.cents,
            row.exact,
            "yes" if row.is_estimated else "no",
            row.method,
            received.get(row.deployment_id, Received()).missing,
            received.get(row.deployment_id, Received()).due,
        )
        for row in page.rows
    ]
    return csv_answer(name, header, rows)
