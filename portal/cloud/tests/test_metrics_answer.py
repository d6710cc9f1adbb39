"""From the JSON of Azure Monitor to arrays: sums over statuses, gaps that stay gaps, refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.cloud.metrics_answer import UsageTally
from portal.cloud.tests.canned import ACCOUNT
from portal.cloud.tests.metrics_json import metric, resource, series, stamps
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.domain.measures import NEWER, OLDER
from showback.gateway import MEASURES, MISSING, MetricsAnswer

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
WINDOW = Window(START, START + 3 * MINUTE)
TIMES = stamps(WINDOW, MINUTE)
KEY = (ACCOUNT.lower(), "chat")
REQUESTS, PROMPT, CACHE = (
    "AzureOpenAIRequests",
    "ProcessedPromptTokens",
    "AzureOpenAIContextTokensCacheMatchRate",
)


def requests_of(
    status: str, values: list[float | None], *, spilled: str = "False", deployment: str = "Chat"
) -> dict[str, Any]:
    labels = {"modeldeploymentname": deployment, "statuscode": status, "isspillover": spilled}
    return series(labels, TIMES, values, "total")


def tokens(values: list[float | None]) -> dict[str, Any]:
    return series({"modeldeploymentname": "chat"}, TIMES, values, "total")


def taken(
    *timeseries: dict[str, Any], name: str = REQUESTS, field: str = "total", most: int = 99,
    **more: Any,
) -> MetricsAnswer:  # fmt: skip
    tally = UsageTally(WINDOW, MINUTE)
    body = {"values": [resource(ACCOUNT, metric(ACCOUNT, name, *timeseries, **more))]}
    tally.add(tally.asked([name], [ACCOUNT], 0, 3), body, field, most)
    return tally.answer()


def values_of(answer: MetricsAnswer, measure: str) -> list[int]:
    return answer.series[KEY].values[measure].tolist()


def test_statuses_become_measures() -> None:
    answer = taken(
        requests_of("200", [5, 6, 7]),
        requests_of("201", [1, 1, 1]),
        requests_of("200", [2, 0, 0], spilled="True"),
        requests_of("429", [3, 0, 1]),
        requests_of("500", [0, 4, 0]),
        requests_of("", [0, 1, 0]),
    )
    assert values_of(answer, "ok") == [6, 7, 8]
    assert values_of(answer, "spilled") == [2, 0, 0]
    assert values_of(answer, "throttled") == [3, 0, 1]
    assert values_of(answer, "other") == [0, 5, 0]
    assert answer.problems == ()
    assert answer.failed_measures == {}


def test_names_of_dimensions_and_values_are_compared_without_case() -> None:
    labels = {"ModelDeploymentName": "CHAT", "StatusCode": "200", "IsSpillover": "TRUE"}
    assert values_of(taken(series(labels, TIMES, [1, 2, 3], "total")), "spilled") == [1, 2, 3]


def test_a_slot_without_a_value_stays_missing() -> None:
    answer = taken(requests_of("200", [5, None, None]), requests_of("429", [None, 2, None]))
    assert values_of(answer, "ok") == [5, 0, MISSING]
    assert values_of(answer, "throttled") == [0, 2, MISSING]
    assert values_of(answer, "other") == [0, 0, MISSING]
    assert values_of(answer, "prompt") == [MISSING] * 3


def test_a_measure_nobody_asked_for_is_missing_not_nought() -> None:
    answer = taken(tokens([10, 20, 30]), name=PROMPT)
    assert values_of(answer, "prompt") == [10, 20, 30]
    assert values_of(answer, "ok") == [MISSING] * 3
    assert set(answer.series[KEY].values) == set(MEASURES)


def test_an_average_is_rounded_to_a_whole_per_cent() -> None:
    labels = {"modeldeploymentname": "chat"}
    points = series(labels, TIMES, [19.6, None, 100.0], "average")
    answer = taken(points, name=CACHE, field="average")
    assert values_of(answer, "cache_percent") == [20, MISSING, 100]


def test_points_outside_of_the_slots_and_in_odd_order_find_their_place() -> None:
    times = ["2026-03-04T12:02:00+00:00", "2026-03-04T11:59:00Z", "2026-03-04T12:00:00.000Z",
             "2026-03-04T12:03:00Z"]  # fmt: skip
    labels = {"modeldeploymentname": "chat"}
    answer = taken(series(labels, times, [7, 8, 9, 10], "total"), name=PROMPT)
    assert values_of(answer, "prompt") == [9, MISSING, 7]


def test_a_series_without_a_deployment_belongs_to_nobody() -> None:
    assert taken(requests_of("200", [1, 1, 1], deployment="")).series == {}


def test_a_deployment_with_no_value_at_all_is_absent() -> None:
    assert taken(requests_of("200", [None, None, None])).series == {}


def test_a_metric_that_azure_refuses_is_a_gap_with_a_sentence() -> None:
    answer = taken(errorCode="Throttled", errorMessage="Try later")
    lost = {"ok", "throttled", "other", "spilled", "priority"}
    assert answer.failed_measures == {KEY[0]: frozenset(lost)}
    [problem] = answer.problems
    assert "azureopenairequests of account acme-eus: Throttled Try later" in problem


def test_as_many_series_as_were_allowed_may_have_been_cut() -> None:
    answer = taken(requests_of("200", [1, 1, 1]), requests_of("429", [1, 1, 1]), most=2)
    assert "ok" in answer.failed_measures[KEY[0]]
    assert "2 series or more" in answer.problems[0]


def test_an_account_or_metric_that_is_not_answered_is_a_gap() -> None:
    tally = UsageTally(WINDOW, MINUTE)
    other = ACCOUNT.replace("acme-eus", "acme-two")
    asked = tally.asked([PROMPT, "GeneratedTokens"], [ACCOUNT, other], 0, 3)
    body = {"values": [resource(ACCOUNT, metric(ACCOUNT, PROMPT, tokens([1, 2, 3])))]}
    tally.add(asked, body, "total", 99)
    failed = tally.answer().failed_measures
    assert failed[ACCOUNT.lower()] == {"generated"}
    assert failed[other.lower()] == {"prompt", "generated"}


def test_the_account_is_known_by_its_metric_where_the_answer_names_none() -> None:
    tally = UsageTally(WINDOW, MINUTE)
    one = resource(ACCOUNT, metric(ACCOUNT, PROMPT, tokens([1, 2, 3])))
    del one["resourceid"]
    tally.add(tally.asked([PROMPT], [ACCOUNT], 0, 3), {"values": [one]}, "total", 99)
    assert values_of(tally.answer(), "prompt") == [1, 2, 3]


def test_a_later_part_of_the_window_goes_to_its_own_slots() -> None:
    tally = UsageTally(WINDOW, MINUTE)
    points = series({"modeldeploymentname": "chat"}, TIMES[1:], [2, 3], "total")
    body = {"values": [resource(ACCOUNT, metric(ACCOUNT, PROMPT, points))]}
    tally.add(tally.asked([PROMPT], [ACCOUNT], 1, 3), body, "total", 99)
    assert values_of(tally.answer(), "prompt") == [MISSING, 2, 3]


def test_hours_have_slots_of_their_own() -> None:
    window = Window(START, START + 2 * HOUR)
    tally = UsageTally(window, HOUR)
    points = series({"modeldeploymentname": "chat"}, stamps(window, HOUR), [1e9, 2], "total")
    body = {"values": [resource(ACCOUNT, metric(ACCOUNT, PROMPT, points))]}
    tally.add(tally.asked([PROMPT], [ACCOUNT], 0, 2), body, "total", 99)
    assert values_of(tally.answer(), "prompt") == [1_000_000_000, 2]


@pytest.mark.parametrize(
    ("start", "length", "grain"),
    [
        (START + timedelta(seconds=1), MINUTE, MINUTE),
        (START, timedelta(seconds=90), MINUTE),
        (START + MINUTE, HOUR, HOUR),
        (START, 5 * MINUTE, 5 * MINUTE),
    ],
)
def test_a_window_of_broken_slots_is_refused(
    start: datetime, length: timedelta, grain: timedelta
) -> None:
    with pytest.raises(ValueError, match="slots|minute or the hour"):
        UsageTally(Window(start, start + length), grain)


# ── Service tiers, and the two families of metrics ───────────────────────────────────────────


def of_tier(tier: str, status: str, values: list[float | None]) -> dict[str, Any]:
    labels = {"modeldeploymentname": "chat", "statuscode": status, "isspillover": "False",
              "servicetierresponse": tier}  # fmt: skip
    return series(labels, TIMES, values, "total")


def test_what_was_answered_in_tier_priority_is_counted_once_more() -> None:
    answer = taken(
        of_tier("Priority", "200", [2, None, 1]),
        of_tier("default", "200", [5, 6, None]),
        of_tier("priority", "429", [9, None, None]),
    )
    assert values_of(answer, "ok") == [7, 6, 1]
    assert values_of(answer, "priority") == [2, MISSING, 1]
    assert values_of(answer, "throttled") == [9, 0, 0]


def of_both(
    older: list[dict[str, Any]] | None, newer: list[dict[str, Any]] | None, names: tuple[str, str]
) -> MetricsAnswer:
    """Answers of one call for a metric of each family; None is an error of that metric."""
    tally = UsageTally(WINDOW, MINUTE)
    metrics = [
        metric(ACCOUNT, name, *(found or []), **({} if found is not None else {"errorCode": "Bad"}))
        for name, found in zip(names, (older, newer), strict=True)
    ]
    tally.add(tally.asked(names, [ACCOUNT], 0, 3), {"values": [resource(ACCOUNT, *metrics)]},
              "total", 99)  # fmt: skip
    return tally.answer()


PROMPTS, REQUESTS_OF_BOTH = (PROMPT, "InputTokens"), (REQUESTS, "ModelRequests")


def test_what_both_families_count_is_counted_once() -> None:
    answer = of_both([tokens([10, 20, 30])], [tokens([10, 20, 30])], PROMPTS)
    assert values_of(answer, "prompt") == [10, 20, 30]
    assert answer.families[KEY].tolist() == [OLDER] * 3


def test_a_change_of_family_in_the_middle_neither_doubles_nor_loses() -> None:
    answer = of_both([tokens([10, 20, None])], [tokens([None, 20, 30])], PROMPTS)
    assert values_of(answer, "prompt") == [10, 20, 30]
    assert answer.families[KEY].tolist() == [OLDER, OLDER, NEWER]


def test_statuses_of_one_minute_are_never_of_two_families() -> None:
    older = [requests_of("200", [5, None, None])]
    newer = [requests_of("200", [5, 6, None]), requests_of("429", [3, 4, None])]
    answer = of_both(older, newer, REQUESTS_OF_BOTH)
    assert values_of(answer, "ok") == [5, 6, MISSING]
    assert values_of(answer, "throttled") == [0, 4, MISSING]
    assert answer.families[KEY].tolist() == [OLDER, NEWER, 0]


def test_another_publishers_model_is_in_the_newer_family_alone() -> None:
    answer = of_both([], [tokens([1, 2, 3])], PROMPTS)
    assert values_of(answer, "prompt") == [1, 2, 3]
    assert answer.families[KEY].tolist() == [NEWER] * 3


def test_an_error_of_either_family_is_told_apart() -> None:
    older_fails = of_both(None, [tokens([1, 2, 3])], PROMPTS)
    assert older_fails.failed_measures == {KEY[0]: frozenset({"prompt"})}
    assert older_fails.failed_newer == {}
    assert values_of(older_fails, "prompt") == [1, 2, 3]
    newer_fails = of_both([tokens([1, 2, 3])], None, PROMPTS)
    assert newer_fails.failed_newer == {KEY[0]: frozenset({"prompt"})}
    assert newer_fails.problems == ()
