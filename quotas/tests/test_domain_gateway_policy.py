"""Limits in an API Management policy: what goes in comes out, and the rest is other people's."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotas.domain.gateway_diff import differences, in_words, line_by_line
from quotas.domain.gateway_policy import (
    BEGIN,
    END,
    Limits,
    NotOurs,
    ServiceLimit,
    in_order,
    limits_in,
    parse,
    part_in,
    part_of,
    with_limits,
)

# Not XML: quotes and `<` stand in an expression as they are.
FOREIGN = """<policies>
    <!-- <inbound> of the platform; ask Cleo -->
    <inbound>
        <base />
        <set-variable name="x" value="@(context.Request.Url.Path.Contains("</inbound>"))" />
        <rate-limit calls="20" renewal-period="60" />
    </inbound>
    <outbound>
        <base />
    </outbound>
</policies>
"""
NASTY = [
    '"',
    "'",
    '")',
    "@(x)",
    "{{secret}}",
    "</when>",
    "<!--",
    "-->",
    "&quot;",
    "\\u0022",
    "😀",
    "\x00",
]
texts = st.lists(st.sampled_from([*NASTY, "hr-helpdesk", "a b", "é"]), min_size=1).map("".join)


@st.composite
def limit_sets(draw: st.DrawFn) -> Limits:
    keys = draw(st.lists(texts | st.text(min_size=1, max_size=8), unique=True, max_size=6))
    services = draw(st.lists(texts, unique=True, min_size=len(keys), max_size=len(keys)))
    split = draw(st.integers(1, 3))
    groups = [sorted(keys[n : n + split]) for n in range(0, len(keys), split)]
    tpm = st.integers(1, 10**9)
    return in_order(
        ServiceLimit(service, tuple(group), draw(tpm))
        for service, group in zip(services, groups, strict=False)
    )


HELP = ServiceLimit("hr-helpdesk", ("hr-prod", "hr-test"), 38_500)
SALES = ServiceLimit("sales", ("sales-prod",), 22_000)


def xml(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314  # of our own making


@given(limit_sets())
def test_what_is_generated_is_read_back_as_it_was(limits: Limits) -> None:
    assert limits_in(with_limits(FOREIGN, limits)) == limits
    assert limits_in(with_limits("", limits)) == limits
    if limits:
        part = part_of(limits)
        assert parse(part) == limits
        assert part == part_of(in_order(reversed(limits)))
        assert parse(part.replace("\n", "\r\n")) == limits


@given(limit_sets(), limit_sets())
def test_other_peoples_parts_stay_byte_for_byte(first: Limits, second: Limits) -> None:
    written = with_limits(with_limits(FOREIGN, first), second)
    assert with_limits(written, second) == written
    part = part_in(written)
    assert written == FOREIGN if part is None else part.count("<when ") == len(second)
    assert with_limits(written, ()) == FOREIGN


@given(limit_sets())
def test_no_name_becomes_an_expression_a_named_value_or_markup(limits: Limits) -> None:
    text = with_limits("<policies><inbound></inbound></policies>", limits)
    tree = xml(text)
    assert len(tree.findall(".//when")) == len(tree.findall(".//llm-token-limit")) == len(limits)
    assert "{{" not in text
    for element in tree.iter("llm-token-limit"):
        assert re.fullmatch(r"headroom:[A-Za-z0-9%_.~-]+", element.attrib["counter-key"])
    for when in tree.iter("when"):
        outside = re.sub(r'"(\\u[0-9a-f]{4}|[A-Za-z0-9_.-])*"', "", when.attrib["condition"])
        assert re.fullmatch(r"@\((context\.Subscription\?\.Id == ( \|\| )?)+\)", outside)


def test_the_limits_stand_where_a_request_comes_in() -> None:
    written = with_limits(FOREIGN, (HELP,))
    before, after = written.split(BEGIN)
    assert before.rstrip().endswith("<inbound>\n        <base />")
    assert after.split(END)[1].lstrip().startswith("<set-variable")
    assert "context.Subscription?.Id == " in after
    assert 'tokens-per-minute="38500"' in after


def test_a_policy_without_a_place_for_requests_gets_one() -> None:
    assert limits_in(with_limits("<policies>\n</policies>", (HELP,))) == (HELP,)
    closed = with_limits("<policies><inbound/></policies>", (HELP,))
    xml(closed)
    assert "<base" not in closed, "it said on purpose that nothing else holds"
    with pytest.raises(NotOurs, match="no place"):
        with_limits("<fragment />", (HELP,))


def test_it_is_understood_as_api_management_shows_it() -> None:
    part = part_of((HELP, SALES))
    raw = re.sub(r"condition='([^']*)'", r'condition="\1"', part)
    escaped = re.sub(
        r"condition='([^']*)'", lambda m: f'condition="{m[1].replace(chr(34), "&quot;")}"', part
    )
    assert raw != part != escaped
    assert parse(raw) == parse(escaped) == (HELP, SALES)
    shown = with_limits(FOREIGN, (HELP, SALES)).replace(part, raw)
    assert with_limits(shown, (HELP, SALES)) == shown, "the same is not written again"


@pytest.mark.parametrize(
    "edit",
    [
        ("<choose>", "<choice>"),
        ('estimate-prompt-tokens="true"', 'estimate-prompt-tokens="false"'),
        ("hr-prod", "hr-prod\\"),
        ("headroom:hr", "mine:hr"),
        ("Subscription?.Id", "User?.Id"),
        ('tokens-per-minute="38500"', 'tokens-per-minute="0"'),
        ("</choose>", "</choose><choose />"),
    ],
)
def test_what_was_rewritten_by_hand_is_not_taken_for_ours(edit: tuple[str, str]) -> None:
    written = with_limits(FOREIGN, (HELP,)).replace(*edit)
    with pytest.raises(NotOurs):
        limits_in(written)
    assert limits_in(with_limits(written, (SALES,))) == (SALES,)


@pytest.mark.parametrize("marks", [BEGIN, END, END + BEGIN, BEGIN + END + BEGIN + END])
def test_torn_marks_are_said_and_nothing_is_guessed(marks: str) -> None:
    with pytest.raises(NotOurs, match="one pair"):
        with_limits(FOREIGN.replace("<base />", f"<base />{marks}", 1), (HELP,))


def test_a_limit_that_limits_nobody_cannot_be_made() -> None:
    for bad in (("", ("a",), 1), ("a", (), 1), ("a", ("a",), 0), ("a", ("b", "a"), 1)):
        with pytest.raises(ValueError, match="limit"):
            ServiceLimit(*bad)
    with pytest.raises(ValueError, match="two limits"):
        in_order([SALES, ServiceLimit("other", ("sales-prod",), 1)])


def test_the_difference_is_told_in_words_and_by_line() -> None:
    less = ServiceLimit("hr-helpdesk", ("hr-prod",), 20_000)
    names = {"hr-helpdesk": "HR helpdesk"}
    assert in_words((HELP,), (less, SALES), names) == [
        "HR helpdesk: 38,500 → 20,000 tokens per minute; other subscriptions count to it.",
        "sales: limited for the first time, to 22,000 tokens per minute.",
    ]
    assert in_words((SALES,), (), {}) == ["sales: its limit of 22,000 tokens per minute goes."]
    assert differences((HELP,), (HELP,)) == ()
    before, after = with_limits(FOREIGN, (HELP,)), with_limits(FOREIGN, (less,))
    changed = [line for line in line_by_line(before, after).splitlines()[2:] if line[0] in "+-"]
    assert len(changed) == 4
    assert line_by_line(before, before.replace("\n", "\r\n")) == ""
