"""Every wrong line of a file gets a sentence with its number; the others are read exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.csv_files import quoted
from showback.domain import gateway_csv
from showback.domain.gateway_csv import COLUMNS, parse
from showback.tests.factories import utc

AT = utc("2026-03-02 12:00")
HEADER = ",".join(COLUMNS)
GOOD = "2026-03-02T10:00:00Z,hour,key,apps,Acme/Chat/,5,1,0,,2,1000,100"


def told(*lines: str, header: str = HEADER) -> list[str]:
    return [str(problem) for problem in parse("\n".join([header, *lines]), at=AT).problems]


def test_a_line_is_read_exactly():
    [line] = parse(f"{HEADER}\n{GOOD}\n\n", at=AT).lines
    assert (line.time, line.is_hour, line.caller) == (utc("2026-03-02 10:00"), True, "key")
    assert line.deployment == "acme/chat"
    assert line.counts == (5, 1, 0, None, 2, 1000, 100)


def test_columns_come_in_any_order_and_an_offset_is_heeded():
    text = "ok,time,deployment,caller,generated_tokens,prompt_tokens\n"
    [line] = parse(f"{text}7,2026-03-02T11:00:00+01:00,a/b,,1,2", at=AT).lines
    assert (line.time, line.caller, line.counts[0]) == (utc("2026-03-02 10:00"), "", 7)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (GOOD.replace("hour", "day"), "grain is hour or minute, not “day”."),
        (GOOD.replace("10:00:00Z", "10:00:00"), "the time has no offset"),
        (GOOD.replace("10:00:00Z", "10:05:00Z"), "not the start of an hour"),
        (GOOD.replace("2026-03-02T10:00:00Z", "yesterday"), "“yesterday” is no time"),
        (GOOD.replace("10:00:00Z", "12:00:00Z"), "it is not over yet"),
        (GOOD.replace("2026", "0001"), "the year cannot be"),
        (GOOD.replace("1000", "1e3"), "prompt_tokens is a whole number"),
        (GOOD.replace("1000", "-1"), "prompt_tokens is a whole number"),
        (GOOD.replace("1000", "9" * 12), "prompt_tokens is a whole number"),
        (GOOD.replace("1000", "١٢"), "prompt_tokens is a whole number"),
        (GOOD.replace(",1000,", ",,"), "prompt_tokens is empty"),
        (GOOD.replace("Acme/Chat/", ""), "deployment is empty"),
        (GOOD.replace("key", "k" * 300), "caller has more than 256"),
        (GOOD + ",1", "it has 13 cells, the header has 12"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(line, sentence):
    [problem] = told(GOOD, line.replace("Acme/Chat/", "acme/other"))
    assert problem.startswith("Line 3: ")
    assert sentence in problem


def test_a_line_said_twice_and_an_hour_told_two_ways_are_told():
    minute = GOOD.replace("hour", "minute").replace("key", "other")
    assert told(GOOD, GOOD) == [
        "Line 3: it says again what line 2 says. Add the two up in one line."
    ]
    [problem] = told(GOOD, minute)
    assert "by the hour and by the minute" in problem


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("time,caller", "the header lacks deployment, ok"),
        (HEADER + ",cost", "no column is called “cost”"),
        (HEADER + ",ok", "a column is named twice"),
        ("", "the header lacks"),
    ],
)
def test_a_wrong_header_is_told(header, sentence):
    [problem] = told(GOOD, header=header)
    assert problem.startswith("Line 1: ")
    assert sentence in problem


def test_a_file_without_lines_and_one_with_too_many_are_told(monkeypatch):
    assert told() == ["Line 2: there is no line after the header."]
    monkeypatch.setattr(gateway_csv, "MOST_LINES", 2)
    lines = [GOOD.replace("key", f"key-{n}") for n in range(3)]
    assert told(*lines) == ["Line 4: a file has at most 2 lines; split it."]


def test_only_the_first_problems_are_told():
    assert len(told(*["wrong"] * 80)) == gateway_csv.MOST_PROBLEMS


@given(st.text(max_size=300))
def test_no_file_is_read_without_an_answer(text):
    found = parse(text, at=AT)
    assert found.lines or found.problems


@given(st.text(max_size=200))
def test_what_is_quoted_is_short_and_of_one_line(text):
    shown = quoted(text)
    assert len(shown) <= 43
    assert shown.isprintable()
