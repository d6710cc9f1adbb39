"""The quick reading of an answer's bytes tells exactly what the plain one does, or steps aside."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.cloud import metrics_bytes
from portal.cloud.metrics_answer import UsageTally
from portal.cloud.metrics_bytes import read_body
from portal.cloud.tests.canned import ACCOUNT
from portal.cloud.tests.metrics_json import metric, resource, series
from portal.cloud.tests.test_metrics_answer import START, WINDOW
from portal.kernel.windows import MINUTE, Window

NAME = "ProcessedPromptTokens"
STAMPS = UsageTally(WINDOW, MINUTE).asked([NAME], [ACCOUNT], 0, 3).stamps
TIMES = [f"{stamp}:00Z" for stamp in STAMPS]


def body_of(*timeseries: dict[str, Any]) -> dict[str, Any]:
    return {"values": [resource(ACCOUNT, metric(ACCOUNT, NAME, *timeseries))]}


def chat(values: list[Any], times: list[str] | None = None) -> dict[str, Any]:
    return series({"modeldeploymentname": "chat"}, times or TIMES, values, "total")


def data_of(body: dict[str, Any]) -> list[Any]:
    return [s["data"] for s in body["values"][0]["value"][0]["timeseries"]]


def answered(body: dict[str, Any]) -> dict[Any, list[list[int]]]:
    tally = UsageTally(WINDOW, MINUTE)
    tally.add(tally.asked([NAME], [ACCOUNT], 0, 3), body, "total", 99)
    return {key: found.table.tolist() for key, found in tally.answer().series.items()}


def test_points_become_values_and_all_else_stays() -> None:
    body = body_of(chat([1, 2.5, 1e9]), chat([0, None, 7]))
    read = read_body(orjson.dumps(body), STAMPS, "total")
    assert data_of(read) == [[1, 2.5, 1e9], [0, None, 7]]
    for part in (read, body):
        for found in part["values"][0]["value"][0]["timeseries"]:
            found["data"] = []
    assert read == body


def test_a_null_value_and_a_point_without_one_are_the_same() -> None:
    plain = orjson.dumps(body_of(chat([1, 2, 3]))).replace(b":2}", b":null}")
    assert data_of(read_body(plain, STAMPS, "total")) == [[1, None, 3]]


VALUES = st.one_of(
    st.none(), st.integers(0, 10**12), st.floats(0, 1e12), st.just(-0.0), st.just(1e-9)
)
SERIES = st.lists(VALUES, min_size=3, max_size=3)


@given(st.lists(SERIES, max_size=5))
def test_quick_and_plain_reading_answer_the_same(rows: list[list[Any]]) -> None:
    body = body_of(*(chat(values) for values in rows))
    assert answered(read_body(orjson.dumps(body), STAMPS, "total")) == answered(body)


@given(st.lists(st.sampled_from([*TIMES, "2026-03-04T11:59:00Z"]), min_size=1, max_size=9))
def test_points_in_any_other_order_are_read_one_by_one(times: list[str]) -> None:
    body = body_of(chat(list(range(len(times))), times))
    assert answered(read_body(orjson.dumps(body), STAMPS, "total")) == answered(body)


@pytest.mark.parametrize(
    "change",
    [
        (b'"total":2', b'"count":2'),  # another aggregation
        (b'{"timeStamp"', b'{"timestamp"'),
        (b'"total":2', b'"total": 2.0'),
        (b"12:01", b"12:07"),
        (b'"total":2', b'"note":"}{","total":2'),
        (b'"total":2', b'"total":2,"count":1'),
        (b'},{"time', b'}, {"time'),
        (b":00Z", b":00.000Z"),
    ],
)
def test_a_body_that_is_written_otherwise_is_still_understood(change: tuple[bytes, bytes]) -> None:
    content = orjson.dumps(body_of(chat([1, 2, 3]), chat([4, 5, 6]))).replace(*change)
    plain = orjson.loads(content)
    try:
        expected: Any = answered(plain)
    except KeyError as error:
        expected = str(error)
    try:
        found: Any = answered(read_body(content, STAMPS, "total"))
    except KeyError as error:
        found = str(error)
    assert found == expected


@given(st.integers(0, 700))
def test_a_body_that_was_cut_off_is_refused(length: int) -> None:
    content = orjson.dumps(body_of(chat([1, 2, 3])))
    if length < len(content):
        with pytest.raises(orjson.JSONDecodeError):
            read_body(content[:length], STAMPS, "total")


@pytest.mark.parametrize("content", [b"[]", b"7", b'"text"'])
def test_what_is_no_object_is_refused(content: bytes) -> None:
    with pytest.raises(TypeError, match="an object was expected"):
        read_body(content, STAMPS, "total")


def test_the_common_shape_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    hour = Window(START, START + 60 * MINUTE)
    stamps = UsageTally(hour, MINUTE).asked([NAME], [ACCOUNT], 0, 60).stamps
    rows = [chat([float(n)] * 60, [f"{stamp}:00Z" for stamp in stamps]) for n in range(20)]
    content, sizes = orjson.dumps(body_of(*rows)), []
    real = orjson.loads

    def loads(text: bytes) -> Any:
        sizes.append(len(text))
        return real(text)

    monkeypatch.setattr(metrics_bytes.orjson, "loads", loads)
    assert data_of(read_body(content, stamps, "total"))[19] == [19.0] * 60
    assert len(sizes) == 1
    assert sizes[0] < len(content) / 5
