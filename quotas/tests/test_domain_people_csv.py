"""People in a CSV file: what each line says, and a sentence for each that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.csv_files import text_of
from quotas.domain.people_csv import MOST_BYTES, MOST_LINES, MOST_PROBLEMS, Line, parse

HEADER = "username,email,name,team,role,active\n"


def said(rest: str) -> list[str]:
    return [str(problem) for problem in parse(HEADER + rest).problems]


def test_a_line_says_what_its_cells_say_and_empty_ones_say_nothing() -> None:
    found = parse(HEADER + "ada,ada@acme.example,Ada Verhoeven,Care,lead,yes\nben,,,,,no\n")
    assert found.problems == []
    assert found.lines == [
        Line(2, "ada", "ada@acme.example", "Ada Verhoeven", "Care", "lead", True),
        Line(3, "ben", active=False),
    ]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_commas_and_semicolons_columns_in_any_order_and_empty_lines(delimiter: str) -> None:
    rows = [["Name", " USERNAME "], ["Verhoeven, Ada; of Care", "ada"]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    found = parse(f"{text}\r\n\r\n")
    assert found.lines == [Line(2, "ada", name="Verhoeven, Ada; of Care")]


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    text, problem = text_of("\ufeffusername\nada".encode(), most_bytes=100, split_by="teams")
    assert problem is None
    assert [line.username for line in parse(text).lines] == ["ada"]


def test_what_is_not_utf_8_or_too_large_is_told() -> None:
    _, problem = text_of("username\nJürgen".encode("latin-1"), most_bytes=100, split_by="teams")
    assert str(problem) == "Line 2: it is not UTF-8. Save the file as “CSV UTF-8”."
    _, problem = text_of(b"x" * (MOST_BYTES + 1), most_bytes=MOST_BYTES, split_by="teams")
    assert str(problem) == "Line 1: the file has more than 1 MB; split it by teams."


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        ("ada,,,,\n", "Line 2: it has 5 cells, the header has 6."),
        (",,Ada,,,\n", "Line 2: a user name has letters, digits and @ . + - _ only"),
        ("a da,,,,,\n", "Line 2: a user name has letters"),
        ("ada,nowhere,,,,\n", "Line 2: “nowhere” is no e-mail address."),
        ("ada,,,,lead,\n", "Line 2: it names a role but no team."),
        ("ada,,,Care,boss,\n", "Line 2: a role is lead, member or none (leaves the team)"),
        ("ada,,,Care,platform_owner,\n", "Roles for the whole organisation are not given by"),
        ("ada,,,,,perhaps\n", "Line 2: active is yes or no, not “perhaps”."),
        ('ada,,"=HYPERLINK(""x"")",,,\n', "Line 2: name begins with “=”, which a spreadsheet"),
        ("@ada,,,,,\n", "Line 2: username begins with “@”"),
        ("ada,,-1+2,,,\n", "Line 2: name begins with “-”"),
        ("ada,,A\x07da,,,\n", "Line 2: name holds a character that cannot be printed."),
        (f"ada,,{'x' * 151},,,\n", "Line 2: name has more than 150 characters."),
        ("ada,,Ada,,,\nben,,Ben,,,\nADA,,Eva,,,\n", "Line 4: it says otherwise of “ADA” than"),
        ("ada,,,Care,,\nada,,,care,lead,\n", "Line 3: line 2 names the same person and team."),
        ("ada,,,,,\nada,,,,,\n", "Line 3: line 2 names the same person and team."),
        ('ada,"x\n', "Line 2: its quotes do not close"),
        ("", "Line 2: there is no line after the header."),
    ],
)
def test_a_wrong_line_is_told_with_its_number(rest: str, sentence: str) -> None:
    (problem,) = said(rest)
    assert sentence in problem


def test_every_wrong_line_is_told_and_the_right_ones_are_read_on() -> None:
    found = parse(HEADER + "a da,,,,,\nben,,,,,\nada,,,,,perhaps\n")
    assert [problem.number for problem in found.problems] == [2, 4]
    assert [line.username for line in found.lines] == ["ben"]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("name,email", "the header lacks username"),
        ("username,Username", "a column is named twice"),
        ("username,salary", "no column is called “salary”"),
        ("", "the header lacks username"),
    ],
)
def test_a_wrong_header_is_told(header: str, sentence: str) -> None:
    (problem,) = parse(f"{header}\nada,x\n").problems
    assert problem.number == 1
    assert sentence in problem.sentence


def test_one_person_in_two_teams_stands_on_two_lines() -> None:
    found = parse(HEADER + "ada,,Ada,Care,lead,\nada,,Ada,Claims,,\n")
    assert not found.problems
    assert [(line.team, line.role) for line in found.lines] == [("Care", "lead"), ("Claims", None)]


def test_a_file_has_so_many_lines_and_so_many_problems_at_most() -> None:
    found = parse("username\n" + "".join(f"p{n}\n" for n in range(MOST_LINES + 1)))
    assert "a file has at most 10,000 lines" in found.problems[-1].sentence
    found = parse("username\n" + "a b\n" * (MOST_PROBLEMS + 5))
    assert len(found.problems) == MOST_PROBLEMS


@given(st.text())
def test_whatever_is_handed_in_is_read_or_told(text: str) -> None:
    found = parse(text)
    assert found.lines or found.problems
    assert all(line.username == line.username.strip() for line in found.lines)
