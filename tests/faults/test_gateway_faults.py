"""Log Analytics misbehaves: callers of those minutes are not known, and later they are.

The fault stands from 10:08 to 10:43, when the page is read; then Azure is well again. Callers of a
minute count a quarter of an hour after it, so 10:27 is then the newest that could be known.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from portal.kernel.windows import HOUR, MINUTE
from showback.models import GatewayHour, ServiceHour, UsageHour
from tests.faults.installation import START, Installation, Rows, tables

QUERY = "POST /v1/workspaces"
FIRST, LAST_BEFORE, LAST = (START.replace(hour=h, minute=m) for h, m in ((8, 0), (9, 47), (10, 27)))


@dataclass(frozen=True)
class Fault:
    """`says` is on the health page while it stands; up to `known` all callers are known then."""

    name: str
    says: str
    known: datetime = LAST_BEFORE
    fault: dict[str, Any] = field(default_factory=dict)
    knobs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def lost(name: str, says: str, **fault: Any) -> Fault:
    return Fault(name, says, fault={"match": QUERY, **fault})


FAULTS = [
    Fault(
        "partial logs",
        "Log Analytics answered only a part of the minutes from 04 Mar",
        knobs={"logs_most_rows": 1},
    ),
    Fault("logs that answer short windows only", "", known=LAST, knobs={"logs_longest_minutes": 7}),
    lost(
        "429 with a long Retry-After",
        "asked the portal to wait",
        status=429,
        headers={"Retry-After": "300"},
    ),
    lost("502 in HTML", "(HTTP 502)", status=502, body="<html>Bad gateway</html>"),
    lost("a truncated body", "no answer that the portal understands", change={"cut": 0.5}),
    lost("a dropped connection", "could not be reached in time to query the gateway", drop="mid"),
    Fault(
        "rows told late",
        "",
        known=LAST,
        knobs={"logs_late_minutes": 30},
    ),
    Fault("fields that nobody knows", "", known=LAST, knobs={"unknown_fields": True}),
]


def before(portal: Installation) -> None:
    portal.go_to("9:58")
    portal.sync()
    portal.pull()
    portal.map_everything()
    portal.go_to("10:03")
    portal.pull()
    portal.roll_up()


def meanwhile(portal: Installation) -> None:
    portal.go_to("10:08")
    portal.pull()
    portal.go_to("10:43")
    portal.pull()
    portal.roll_up()


def afterwards(portal: Installation) -> None:
    portal.go_to("11:20")
    portal.pull(2 * HOUR)
    portal.roll_up()


def morning(portal: Installation) -> None:
    """Two hours of an installation in which all is well."""
    before(portal)
    meanwhile(portal)
    afterwards(portal)


def known_minutes() -> set[datetime]:
    return {
        row.hour + minute * MINUTE
        for row in GatewayHour.objects.all()
        for minute in range(60)
        if row.received >> minute & 1
    }


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_of_the_logs_is_told_while_it_stands_and_leaves_no_trace(
    portal: Installation, never_faulty: Any, fault: Fault
) -> None:
    whole: Rows = never_faulty(morning)
    before(portal)
    if fault.fault:
        portal.fault(**fault.fault)
    portal.knobs(**fault.knobs)
    meanwhile(portal)
    row = portal.health().split("gateway:")[1].split("Use that is nobody’s")[0]
    assert (fault.says or "Nothing: it is up to date.") in row
    minutes = int((fault.known - FIRST) / MINUTE) + 1
    assert known_minutes() == {FIRST + n * MINUTE for n in range(minutes)}
    all_of_it_is_given_out()
    portal.clear()
    afterwards(portal)
    after = tables()
    for name, rows in whole.items():
        assert after[name] == rows, name


def all_of_it_is_given_out() -> None:
    """However little is known of the callers, services and unattributed are Azure's whole."""
    parts = ServiceHour.objects.filter(deployment__name="chat")
    hours = UsageHour.objects.filter(deployment__name="chat")
    for measure in ("ok_requests", "prompt_tokens"):
        of_parts, whole = (sum(rows.values_list(measure, flat=True)) for rows in (parts, hours))
        assert of_parts == whole > 0
    assert parts.filter(method="gateway").exists()
