"""What charts say: no gap filled, no peak hidden, and the table holds the same numbers."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portal.kernel import formatting
from portal.kernel.charts import Bar, BarsByTeam, CapacityUse
from portal.kernel.charts_capacity import PoolTimeline
from portal.kernel.charts_days import CostByDay, UseByDay
from portal.kernel.gaps import stretches
from portal.kernel.received import Received
from portal.kernel.series import coarse_step, peaks, runs, sums
from portal.kernel.sparkline import sparkline

AT = datetime(2025, 11, 14, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ZONE = ZoneInfo("Europe/Amsterdam")


def test_peaks_keep_the_highest_and_only_a_whole_gap_stays_a_gap():
    assert peaks([1, None, 3, None, None, None, 7], 3) == [3, None, 7]
    assert sums([1, None, 3, None, None, None, 7], 3) == [4, None, 7]
    assert peaks([1, None], 1) == [1, None]


@pytest.mark.parametrize(
    ("length", "most", "every"),
    [(60, 2016, 1), (2016, 2016, 1), (2017, 2016, 2), (10_080, 2016, 5), (40_320, 2016, 30)],
)
def test_steps_are_put_together_to_round_lengths(length, most, every):
    assert coarse_step(length, MINUTE, most) == every


def test_beyond_a_day_a_step_the_points_still_stay_few():
    assert coarse_step(5_000, timedelta(days=1), 200) == 25
    assert coarse_step(0, MINUTE, 200) == 1


def test_runs_name_each_change_once():
    assert runs(["a", "a", "b", "a"]) == [(0, "a"), (2, "b"), (3, "a")]
    assert runs([]) == []


def use(minutes: int = 4, **changed: object) -> CapacityUse:
    given = {
        "start": AT,
        "step": MINUTE,
        "used": [100, None, 130, 90],
        "baseline": [120] * minutes,
        "burst": [0, 0, 80, 80],
        "throttled": [0, None, 5, 0],
        "zone": ZONE,
        "limit": 300,
    }
    return CapacityUse(**{**given, **changed})  # type: ignore[arg-type]


def test_use_against_held_sends_gaps_edges_and_the_limit():
    spec = use().chart("use", "Use").spec
    first = int(AT.timestamp() * 1000)
    assert spec["used"] == [100, None, 130, 90]
    assert spec["held"] == [[first, 120, 0], [first + 120_000, 120, 80]]
    assert (spec["start"], spec["step"], spec["end"]) == (first, 60_000, first + 240_000)
    assert (spec["limit"], spec["zone"]) == (300, "Europe/Amsterdam")
    json.dumps(spec)


def test_the_table_beside_it_holds_the_same_minutes_in_the_persons_zone():
    rows = use().chart("use", "Use").rows
    assert rows[1] == ["Fri 14 Nov, 09:01 (incomplete)", "–", "120", "–"]
    assert rows[2] == ["Fri 14 Nov, 09:02", "130", "200", "5"]


def test_what_has_not_arrived_is_hatched_and_said_and_what_is_on_its_way_is_not():
    first = int(AT.timestamp() * 1000)
    chart = use().chart("use", "Use", summary="Of today.")
    assert chart.spec["gaps"] == [[first + 60_000, first + 120_000]]
    assert chart.summary == "Of today. Hatched: 1 min was not received."
    none_due = use(missing=[False] * 4).chart("use", "Use")
    assert (none_due.spec["gaps"], none_due.summary) == ([], "")
    assert none_due.rows[1][0] == "Fri 14 Nov, 09:01"


def test_an_hour_of_which_minutes_are_missing_is_hatched_though_its_peak_is_known():
    step = timedelta(hours=1)
    chart = use(step=step, missing=[False, True, True, False]).chart("use", "Use")
    first = int(AT.timestamp() * 1000)
    assert chart.spec["gaps"] == [[first + 3_600_000, first + 3 * 3_600_000]]
    assert chart.summary == "Hatched: 2 h were not wholly received."
    assert chart.rows[2][:2] == ["Fri 14 Nov, 11:00 (incomplete)", "130"]


def test_stretches_are_half_open_and_reach_both_ends():
    assert stretches([True, True, False, True]) == [(0, 2), (3, 4)]
    assert stretches([]) == stretches([False]) == []


def test_a_total_over_missing_minutes_is_the_least_and_a_whole_one_says_nothing():
    lacking = Received(966, 1000)
    assert str(lacking.words) == "3.4\u202f% of the minutes missing"
    least = lacking.at_least(formatting.tokens(1_200_000))
    assert (str(least), least.value) == ("≥\u202f1.2M", "1200000")
    assert least.exact.endswith("3.4\u202f% of the minutes missing")
    whole = Received(1000, 1000)
    assert whole.words is None
    assert str(whole.at_least(formatting.tokens(5))) == "5"
    assert str(lacking.at_least(formatting.tokens(None))) == "–"
    assert Received().share is None
    assert (lacking + whole).missing == 34


@pytest.mark.parametrize(
    ("complete", "words"),
    [(0.99999, "<0.1"), (0.25, "75"), (0.0001, ">99"), (0, "100"), (0.965, "3.5"), (0.9, "10")],
)
def test_how_much_is_missing_is_never_rounded_to_nothing_or_all(complete, words):
    assert str(formatting.missing(complete)) == f"{words}\u202f% of the minutes missing"


def test_a_bar_over_missing_minutes_says_at_least():
    chart = BarsByTeam([Bar("Claims", Decimal(4), is_incomplete=True)]).chart("t", "T")
    assert chart.spec["totals"] == ["≥ $4.00"]
    assert chart.rows[0][0] == "Claims (incomplete)"


def test_counts_by_day_hatch_the_days_that_lack_minutes():
    days = [date(2025, 11, 13), date(2025, 11, 14)]
    chart = UseByDay(days, {"Gateway": [5, 0]}, incomplete=frozenset(days)).chart("d", "D")
    assert chart.spec["gaps"] == ["2025-11-13", "2025-11-14"]
    assert chart.summary == "Hatched: 2 days are incomplete."
    assert chart.rows[1] == ["Fri 14 Nov (incomplete)", "0", "0"]


def test_a_sparkline_hatches_gaps_between_what_is_known():
    drawn = sparkline([None, 5, None, 7, None], label="Peaks")
    assert drawn.gaps.startswith("M")
    assert drawn.label == "Peaks; not known: 1"
    assert sparkline([None, 5, 7, None], label="Peaks").gaps == ""


def test_a_week_of_minutes_is_drawn_as_peaks_and_says_so():
    week = 7 * 24 * 60
    numbers = [float(m % 7) for m in range(week)]
    flat = [10.0] * week
    chart = use(used=numbers, baseline=flat, burst=flat, throttled=flat).chart("use", "Use")
    assert len(chart.spec["used"]) == 2016
    assert max(chart.spec["used"]) == 6
    assert chart.summary == "Each point is the peak of 5 min."
    assert len(chart.rows) <= 200
    assert sum(chart.spec["throttled"]) == week * 10


def test_sequences_of_different_length_are_refused():
    with pytest.raises(ValueError, match="zip"):
        use(baseline=[120]).chart("use", "Use")


def test_bars_show_used_and_idle_money_and_their_sum():
    chart = BarsByTeam([Bar("Claims", Decimal("4.12"), Decimal("0.88"), slot=9)]).chart("t", "T")
    assert chart.rows == [["Claims", "$4.12", "$0.88", "$5.00"]]
    assert chart.spec["totals"] == ["$5.00"]
    assert chart.spec["slots"] == [9]
    json.dumps(chart.spec)


def test_days_that_may_still_grow_are_marked_in_picture_and_table():
    days = [date(2025, 11, 13), date(2025, 11, 14)]
    chart = CostByDay(
        days,
        {"Input": [Decimal("1.50"), None], "Output": [Decimal("2"), Decimal("0.25")]},
        incomplete=frozenset(days[1:]),
    ).chart("d", "D")
    assert chart.spec["gaps"] == ["2025-11-14"]
    assert chart.summary == "Hatched: 1 day is incomplete."
    assert chart.spec["categories"][0]["values"] == [1.5, None]
    assert chart.rows[0] == ["Thu 13 Nov", "$1.50", "$2.00", "$3.50"]
    assert chart.rows[1] == ["Fri 14 Nov (incomplete)", "–", "$0.25", "$0.25"]


def timeline(limit: float | None) -> PoolTimeline:
    edges = [AT, AT + timedelta(days=1)]
    held = {"baseline": [120, 120], "burst": [0, 80]}
    return PoolTimeline(edges, held, AT + timedelta(days=30), limit, ZONE)


def test_free_is_the_limit_less_everything_promised():
    assert timeline(300).free() == [180, 100]
    assert timeline(300).chart("p", "P").rows[1] == ["Sat 15 Nov, 09:00", "120", "80", "100"]


def test_without_a_limit_nothing_is_said_to_be_free():
    assert timeline(None).free() == [None, None]
    assert timeline(None).chart("p", "P").rows[0][-1] == "–"


def test_a_sparkline_breaks_at_a_gap_and_marks_its_last_value():
    spark = sparkline([0, 5, None, 10], label="a day", width=95, height=25)
    assert spark.line == "M2.5 22.5L32.5 12.5M92.5 2.5h1"
    assert spark.last == ("92.5", "2.5")
    assert spark.limit_y == ""


def test_a_sparkline_without_numbers_draws_nothing():
    spark = sparkline([None, None], label="no data")
    assert (spark.line, spark.area, spark.last) == ("", "", None)


def test_a_sparkline_makes_room_for_its_limit():
    assert sparkline([1, 2], label="x", limit=20, height=25).limit_y == "2.5"
