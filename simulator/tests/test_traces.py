"""Real traces are replayed request by request."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.hashing import Floats
from simulator.tests import worlds
from simulator.traces import TraceError, load_trace, play_repeated

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
SMALL = (
    HEADER + "2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:59.9999999,3180,8\n"
    "2023-11-16 18:18:00.0000000,100,1\n2023-11-16 18:20:10.5000000,200,2\n"
)
REAL_TRACES = Path(__file__).parents[3] / "shared" / "data" / "traces"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(SMALL)
    return path


def day_of_trace(path: Path, capacity: int, **traffic: Any) -> dict[str, Floats]:
    """The served day 2026-03-03 of a deployment that plays ``path`` from 10:00."""
    played = {"kind": "trace", "file": path.name, "start": "2026-03-03T10:00:00Z", **traffic}
    raw = worlds.world_of(worlds.deployment(capacity=capacity, traffic=played))
    raw["limits"][0]["limit"] = 10**6
    one = worlds.parsed(raw, path.parent).deployments[0]
    array = worlds.served(raw, path.parent).day(one, worlds.day_of("2026-03-03"))
    return worlds.rows_of(array)


def per_minute(path: Path) -> dict[int, tuple[int, int, int]]:
    """(requests, prompt, generated) by minute of the trace, with nothing but the csv module."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    with path.open() as file:
        for row in csv.DictReader(file):
            minute = sums[row["TIMESTAMP"][:16]]
            minute[0] += 1
            minute[1] += int(row["ContextTokens"])
            minute[2] += int(row["GeneratedTokens"])

    def clock_minutes(text: str) -> int:
        return int(text[11:13]) * 60 + int(text[14:16])

    first = clock_minutes(min(sums))
    return {clock_minutes(text) - first: tuple(row) for text, row in sums.items()}  # type: ignore[misc]


def assert_equals_csv(path: Path, day: dict[str, Floats]) -> None:
    expected = per_minute(path)
    for minute in range(1440):
        wanted = expected.get(minute - 600, (0, 0, 0))
        got = (day["served"][minute], day["prompt"][minute], day["generated"][minute])
        assert got == wanted, f"minute {minute}"


def test_with_room_the_metrics_are_the_sums_of_the_csv(small: Path):
    day = day_of_trace(small, capacity=1000)
    assert_equals_csv(small, day)
    assert day["served"][600] == 2  # 18:17:59.9999999 still belongs to 18:17


@pytest.mark.parametrize("kind", ["code", "conv"])
def test_a_real_trace_with_room_equals_its_csv_in_every_minute(kind: str):
    path = REAL_TRACES / f"AzureLLMInferenceTrace_{kind}.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} of the Azure Public Dataset is not at hand")
    assert_equals_csv(path, day_of_trace(path, capacity=100_000))


def test_over_the_bucket_the_first_requests_of_the_minute_are_served(small: Path):
    day = day_of_trace(small, capacity=4)  # 4,000 tokens a minute
    assert (day["served"][600], day["throttled"][600]) == (1, 1)
    assert (day["prompt"][600], day["generated"][600]) == (4808, 10)
    assert day["throttled"][601:].sum() == 0


def test_rows_out_of_order_are_played_in_order_of_time(tmp_path: Path):
    path = tmp_path / "mixed.csv"
    path.write_text(HEADER + "".join(SMALL.splitlines(keepends=True)[:0:-1]))
    assert day_of_trace(path, capacity=4)["prompt"][600] == 4808


def test_a_trace_may_run_over_midnight(small: Path):
    played = {"kind": "trace", "file": "small.csv", "start": "2026-03-03T23:59:00Z"}
    raw = worlds.world_of(worlds.deployment(capacity=1000, traffic=played))
    one = worlds.parsed(raw, small.parent).deployments[0]
    served = worlds.served(raw, small.parent)
    day = worlds.day_of("2026-03-03")
    assert served.day(one, day).total(200).sum() == 2
    assert served.day(one, day + 1).total(200)[:3].tolist() == [1, 0, 1]
    assert served.day(one, day + 2).total(200).sum() == 0


def test_times_with_a_utc_offset_are_read(tmp_path: Path):
    path = tmp_path / "new.csv"
    path.write_text(HEADER + "2024-05-10 00:00:00.009930+00:00,2162,5\n")
    assert load_trace(path).requests.prompt.tolist() == [2162]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("TIMESTAMP,Tokens\n", "no column ContextTokens, GeneratedTokens"),
        (HEADER, "no requests"),
        (HEADER + "2023-11-16 18:17:03,1,2\nyesterday,1,2\n", "line 3"),
        (HEADER + "2023-11-16 18:17:03,-1,2\n", "line 2: -1 is less than zero"),
        (HEADER + "2023-11-16 18:17:03,1\n", "line 2"),
    ],
)
def test_a_wrong_trace_is_refused_with_a_sentence(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=sentence):
        load_trace(path)


def test_a_repeated_trace_keeps_each_request_as_often_as_its_level_says(small: Path):
    trace = load_trace(small)
    minutes = np.arange(4000)
    for level in (0.0, 0.3, 1.0, 1.6):
        played = play_repeated(trace, 5, minutes, np.full(minutes.size, level))
        assert played.minute.size == pytest.approx(level * 4000, rel=0.05)
        assert set(played.prompt.tolist()) <= {4808, 3180, 100, 200}
        assert (np.diff(played.minute) >= 0).all()


def test_a_repeated_trace_is_a_pure_function_of_the_minute(small: Path):
    trace, level = load_trace(small), np.full(100, 0.5)
    whole = play_repeated(trace, 5, np.arange(1000, 1100), level)
    part = play_repeated(trace, 5, np.arange(1050, 1100), level[50:])
    later = whole.minute >= 50
    assert np.array_equal(whole.minute[later] - 50, part.minute)
    assert np.array_equal(whole.prompt[later], part.prompt)


def test_a_repeated_trace_follows_its_profile(small: Path):
    shutil.copy(small, small.parent / "again.csv")
    day = day_of_trace(small.parent / "again.csv", 1000, start=None, profile="office", scale=10)
    assert day["served"][600:720].sum() > 10 * day["served"][120:240].sum()
