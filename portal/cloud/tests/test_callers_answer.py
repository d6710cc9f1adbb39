"""Tables of Log Analytics become arrays: nothing doubled, nothing guessed, nothing half."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.cloud.callers_answer import COLUMN_OF_MEASURE, KEY_COLUMNS, CallerTally
from portal.cloud.callers_query import callers_query, timespan_of
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.gateway import CALLER_MEASURES, MISSING, CallerKey

NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)
FIVE_MINUTES = Window(NINE, NINE + 5 * MINUTE)
KEY = CallerKey("radiology", "clinical", "one.openai.azure.com", "chat")
COLUMNS = ["Minute", *KEY_COLUMNS, *COLUMN_OF_MEASURE.values()]
# ok, throttled, throttled by the gateway, filtered, other, prompt, generated
COUNTS = [10, 2, 1, 3, 4, 9_000, 800]


def row(minute: str = "2026-03-04T09:01:00Z", *counts: Any, key: CallerKey = KEY) -> list[Any]:
    return [minute, key.caller, key.product, key.account_host, key.deployment, *(counts or COUNTS)]


def table(*rows: list[Any], columns: list[str] = COLUMNS) -> dict[str, Any]:
    kinds = [{"name": name, "type": "long"} for name in columns]
    return {"tables": [{"name": "PrimaryResult", "columns": kinds, "rows": list(rows)}]}


def answer(*rows: list[Any], part: Window = FIVE_MINUTES) -> Any:
    tally = CallerTally(FIVE_MINUTES)
    tally.add(part, table(*rows))
    return tally.answer()


def test_a_row_stands_in_its_minute_and_the_others_are_nought() -> None:
    found = answer(row())
    assert found.complete
    [(key, series)] = found.series.items()
    assert key == KEY
    names = ["ok", "throttled", "throttled_by_gateway", "filtered", "other", "prompt", "generated"]
    assert set(series.values) == set(CALLER_MEASURES) == set(names)
    assert [series.values[name].tolist() for name in names] == [
        [0, count, 0, 0, 0] for count in COUNTS
    ]


def test_rows_of_one_caller_that_differ_in_case_only_add_up() -> None:
    upper = CallerKey("radiology", "clinical", "ONE.openai.azure.com", "Chat")
    [series] = answer(row(), row(key=upper)).series.values()
    assert series.values["prompt"].tolist() == [0, 18_000, 0, 0, 0]
    twice = answer(row(), row(key=CallerKey("Radiology", "clinical", "", "chat")))
    assert len(twice.series) == 2, "ids of subscriptions are kept as they are written"


def test_numbers_may_come_as_text_as_older_services_send_them() -> None:
    [series] = answer(row("2026-03-04T09:00:00.0000000Z", *map(str, COUNTS))).series.values()
    assert series.values["generated"].tolist() == [800, 0, 0, 0, 0]


def test_filtered_is_missing_where_the_gateway_did_not_log_why() -> None:
    untold = [10, 2, 1, None, 4, 9_000, 800]
    [series] = answer(row("2026-03-04T09:02:00Z", *untold), row()).series.values()
    assert series.values["filtered"].tolist() == [0, 3, MISSING, 0, 0]
    [series] = answer(row("2026-03-04T09:01:00Z", *untold), row()).series.values()
    assert series.values["filtered"].tolist() == [0, MISSING, 0, 0, 0], "a sum with an unknown"


def test_minutes_that_were_not_asked_for_are_left_out() -> None:
    found = answer(row("2026-03-04T08:59:00Z"), row("2026-03-04T09:05:00Z"))
    assert all((values == 0).all() for s in found.series.values() for values in s.values.values())


def test_what_was_not_received_is_missing_for_every_caller() -> None:
    found = answer(row(), part=Window(NINE, NINE + 2 * MINUTE))
    assert found.received.tolist() == [True, True, False, False, False]
    assert not found.complete
    [series] = found.series.values()
    assert series.values["ok"].tolist() == [0, 10, MISSING, MISSING, MISSING]


def test_two_parts_of_a_window_are_one_answer() -> None:
    tally = CallerTally(FIVE_MINUTES)
    tally.add(Window(NINE + 2 * MINUTE, FIVE_MINUTES.end), table(row("2026-03-04T09:04:00Z")))
    tally.add(Window(NINE, NINE + 2 * MINUTE), table(row()))
    found = tally.answer()
    assert found.complete
    assert found.series[KEY].values["ok"].tolist() == [0, 10, 0, 0, 10]


def test_no_rows_is_an_answer_and_no_callers() -> None:
    found = answer()
    assert found.complete
    assert found.series == {}


def test_an_unknown_column_and_further_tables_do_no_harm() -> None:
    body = table([*row(), "x"], columns=[*COLUMNS, "OfTomorrow"])
    body["tables"].insert(0, {"name": "Other", "columns": [], "rows": []})
    tally = CallerTally(FIVE_MINUTES)
    tally.add(FIVE_MINUTES, body)
    assert tally.answer().series[KEY].values["ok"].sum() == 10


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tables": []},
        {"tables": [{"name": "PrimaryResult", "columns": []}]},
        {"tables": [{**table()["tables"][0], "rows": None}]},
        {"tables": [{k: v for k, v in table()["tables"][0].items() if k != "rows"}]},
        table(row()[:-1]),
        table(row(), [1, 2]),
        table(row("2026-03-04T09:01:00Z", *COUNTS[:-1], None)),
        table(row("2026-03-04T09:01:00Z", *COUNTS[:-1], "many")),
        table(row("2026-03-04T09:01:00Z", *COUNTS[:-1], -1)),
        table(row()[1:], columns=COLUMNS[1:]),
    ],
)
def test_an_answer_of_another_shape_leaves_nothing_behind(body: dict[str, Any]) -> None:
    tally = CallerTally(FIVE_MINUTES)
    with pytest.raises((LookupError, TypeError, ValueError)):
        tally.add(FIVE_MINUTES, body)
    found = tally.answer()
    assert (found.series, found.received.any()) == ({}, False)


@pytest.mark.parametrize(
    "window",
    [
        Window(NINE, NINE + MINUTE / 2),
        Window(NINE + MINUTE / 2, NINE + HOUR),
    ],
)
def test_a_window_that_is_not_of_whole_minutes_is_refused(window: Window) -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        CallerTally(window)


def test_the_query_begins_with_its_name_and_says_its_window() -> None:
    lines = callers_query(FIVE_MINUTES).splitlines()
    assert lines[:3] == [
        "// headroom:callers v1",
        "let t0 = datetime(2026-03-04T09:00:00Z);",
        "let t1 = datetime(2026-03-04T09:05:00Z);",
    ]
    assert timespan_of(FIVE_MINUTES) == "2026-03-04T08:45:00Z/2026-03-04T09:20:00Z"


def test_the_query_projects_what_is_read_here() -> None:
    projected = callers_query(FIVE_MINUTES).rpartition("| project ")[2]
    while "(" in projected:
        projected = re.sub(r"\([^()]*\)", "", projected)
    names = [part.partition("=")[0].strip() for part in projected.split(",")]
    assert sorted(names) == sorted(COLUMNS)
