"""What would stop an edge, as tables."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.kernel.windows import FOREVER, Window
from quotas.domain.ledger import Entry
from quotas.domain.plan import DRIFT, NOTHING_HELD, RELEASE, Standing
from quotas.domain.prechecks import Edge, EdgeFacts, edges_in, findings
from quotas.tests.factories import NOON

MINUTE = timedelta(minutes=1)
SOON = Window(NOON, NOON + 10 * MINUTE)
STEADY = Entry(1, 100, Window(NOON - timedelta(days=9), FOREVER))
START = Edge(1, NOON + 10 * MINUTE, 100, 140, (7,))
END = Edge(1, NOON + 10 * MINUTE, 140, 100, (7,))


def burst(start: int, end: int, *, request: int = 7, units: int = 40) -> Entry:
    window = Window(NOON + start * MINUTE, NOON + end * MINUTE)
    return Entry(1, units, window, request_id=request)


def facts(edge: Edge = START, **more: Any) -> EdgeFacts:
    """Azure has what it should have just before the edge."""
    standing = Standing(1, edge.to_units, edge.from_units, edge.from_units)
    changed = {name: more.pop(name) for name in list(more) if hasattr(standing, name)}
    return EdgeFacts(
        edge, replace(standing, **changed), **{"provisioning_state": "Succeeded"} | more
    )


def codes(edge: Edge = START, **more: Any) -> list[str]:
    return [found.code for found in findings(facts(edge, **more))]


@pytest.mark.parametrize(
    ("start", "end", "edges"),
    [
        (10, 60, [(10, 100, 140)]),  # the last minute of the window counts
        (11, 60, []),
        (0, 60, []),  # it has begun
        (-60, 5, [(5, 140, 100)]),
        (2, 8, [(2, 100, 140), (8, 140, 100)]),
    ],
)
def test_edges_are_where_the_ledger_wants_something_else_than_before(
    start: int, end: int, edges: list[tuple[int, int, int]]
) -> None:
    found = edges_in([STEADY, burst(start, end)], SOON)
    assert [((e.at - NOON) // MINUTE, e.from_units, e.to_units) for e in found] == edges
    assert all(e.requests == (7,) for e in found)


def test_a_burst_that_is_followed_by_its_extension_has_no_edge_there() -> None:
    assert edges_in([STEADY, burst(-60, 5), burst(5, 60, request=8)], SOON) == []


def test_an_edge_at_which_all_is_well_has_no_finding() -> None:
    assert codes() == codes(END) == []


@pytest.mark.parametrize(
    ("found", "more"),
    [
        ("drift", {"actual_units": 130}),
        ("refused", {"refused": "Headroom may not write there."}),
        ("held", {"held": "The kill switch is on."}),
        ("other_sku", {"same_sku": False}),
        ("not_ready", {"provisioning_state": "Updating"}),
        ("account_busy", {"busy_since": NOON - MINUTE}),
    ],
)
@pytest.mark.parametrize("edge", [START, END])
def test_what_would_stop_either_edge_is_found(edge: Edge, found: str, more: dict[str, Any]) -> None:
    assert codes(edge, **more) == [found]


def test_room_is_only_missing_for_a_start() -> None:
    assert codes(START, short_units=5) == ["no_room"]
    assert codes(END, short_units=5) == []


def test_capacity_is_only_missing_where_the_quota_is_there() -> None:
    assert codes(no_capacity="Azure has none.") == ["no_capacity"]
    assert codes(no_capacity="Azure has none.", short_units=5) == ["no_room"]


def test_what_is_there_already_cannot_be_stopped() -> None:
    assert codes(START, actual_units=140, short_units=5, provisioning_state="Updating") == []


def test_a_start_that_is_still_being_written_is_no_edit() -> None:
    assert codes(END, actual_units=120, settled_units=120) == []


def test_what_will_wait_for_a_yes_says_for_which() -> None:
    ptu = findings(facts(END, is_provisioned=True))
    assert [each.sentence for each in ptu] == [RELEASE]
    assert codes(END, is_provisioned=True, agreed_units=40) == []
    # What waited for a yes before does not keep this end.
    waits = {"actual_units": 160, "settled_units": 160}
    assert codes(END, is_provisioned=True, agreed_units=40, **waits) == []
    assert codes(END, is_provisioned=True, agreed_units=30, **waits) == ["needs_yes"]
    nothing = findings(facts(replace(END, to_units=0)))
    assert [each.sentence for each in nothing] == [NOTHING_HELD]


def test_every_finding_is_a_sentence_of_its_own() -> None:
    everything = findings(
        facts(
            actual_units=130,
            refused="Headroom may not write there.",
            same_sku=False,
            provisioning_state="Updating",
            busy_since=NOON,
            short_units=5,
        )
    )
    sentences = [each.sentence for each in everything]
    assert len(set(sentences)) == 6
    assert all(text.endswith(".") and text != DRIFT for text in sentences)
