"""Azure Monitor misbehaves: the health page says what happened, and in the end no trace is left.

The fault stands from 10:08 to 10:43, when the page is read; then Azure is well again.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal.kernel.windows import HOUR
from tests.faults.installation import START, Installation, tables

GET_BATCH = "metrics:getBatch"
SORRY = {"errorCode": "InternalError", "errorMessage": "Sorry"}
TWICE = ("values", "values.*.value", "values.*.value.*.timeseries")
# The newest minute that had settled when the last pull before the fault asked, and the last in it.
LAST_BEFORE, LAST = START.replace(hour=9, minute=59), START.replace(hour=10, minute=39)


@dataclass(frozen=True)
class Fault:
    """`says` is on the health page while it stands; `missing` minutes of each deployment are a gap.

    `known` is the newest minute then known; None where counts of it are too small for a while.
    """

    name: str
    says: tuple[str, ...]
    missing: int = 0
    known: datetime | None = LAST
    fault: dict[str, Any] = field(default_factory=dict)
    knobs: dict[str, Any] = field(default_factory=dict)
    measure: str = "ok"

    def __str__(self) -> str:
        return self.name


def lost(name: str, *says: str, **fault: Any) -> Fault:
    """Nothing is read while it stands: twenty minutes are overdue by now."""
    fault = {"match": GET_BATCH, **fault}
    return Fault(name, (*says, "It is behind."), missing=20, known=LAST_BEFORE, fault=fault)


FAULTS = [
    lost(
        "429 with a long Retry-After",
        "Azure Monitor metrics Waiting",
        "Azure asked for a pause until",
        "asked the portal to wait",
        status=429,
        headers={"Retry-After": "300"},
    ),
    lost(
        "502 in HTML",
        "Azure failed to read the metrics AzureOpenAIRequests, ModelRequests of region eastus2 and "
        "gave no answer that the portal understands (HTTP 502).",
        "failed in Azure",
        status=502,
        body="<html>Bad gateway</html>",
    ),
    lost(
        "a truncated body",
        "gave no answer that the portal understands. Try again in a few minutes",
        "12 unreadable",
        change={"cut": 0.5},
    ),
    lost(
        "a connection dropped in the answer",
        "Azure could not be reached in time to read the metrics AzureOpenAIRequests, ModelRequests "
        "of region eastus2.",
        "16 without an answer",
        drop="mid",
    ),
    lost(
        "a connection dropped at once",
        "Azure could not be reached in time to read the metrics",
        drop="before",
    ),
    Fault(
        "errors of a metric inside a 200",
        (
            "Azure gave no processedprompttokens of account contoso-east: InternalError Sorry.",
            "Azure gave no processedprompttokens of account contoso-north: InternalError Sorry.",
        ),
        missing=40,
        known=LAST_BEFORE,
        measure="prompt",
        knobs={"metric_errors": {"ProcessedPromptTokens": SORRY, "InputTokens": SORRY}},
    ),
    Fault(
        "a clock ten minutes behind ours",
        ("The portal's clock is 10 minutes ahead of Azure's: the newest minutes are read once",),
        known=LAST - timedelta(minutes=10),
        knobs={"date_offset_seconds": -600},
    ),
    Fault(
        "points, series, metrics and accounts told twice",
        ("Nothing: it is up to date.",),
        fault={
            "match": GET_BATCH,
            "change": {"repeat": ["values.*.value.*.timeseries.*.data", *reversed(TWICE)]},
        },
    ),
    Fault(
        "minutes that grow after they are shown",
        ("Nothing: it is up to date.",),
        known=None,
        knobs={"late_points": 30},
    ),
    Fault(
        "fields that nobody knows",
        ("Nothing: it is up to date.",),
        knobs={"unknown_fields": True},
    ),
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
    portal.go_to("10:48")
    portal.pull()
    portal.go_to("11:05")
    portal.pull(2 * HOUR)
    portal.roll_up()


def morning(portal: Installation) -> None:
    """Two hours of an installation in which all is well."""
    before(portal)
    meanwhile(portal)
    afterwards(portal)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_told_while_it_stands_and_leaves_no_trace(
    portal: Installation, never_faulty: Any, fault: Fault
) -> None:
    whole = never_faulty(morning)
    before(portal)
    if fault.fault:
        portal.fault(**fault.fault)
    portal.knobs(**fault.knobs)
    meanwhile(portal)
    read_the_pages(portal, fault)
    known = portal.minutes("chat", fault.measure)
    portal.clear()
    afterwards(portal)
    after = tables()
    for name, rows in whole.items():
        assert after[name] == rows, name
    # A gap was no nought: what was known was right, and what was not read was not known.
    if fault.known:
        final = portal.minutes("chat", fault.measure)
        assert max(known) == fault.known
        assert known == {minute: final[minute] for minute in known}
        assert min(final.values()) > 0


def read_the_pages(portal: Installation, fault: Fault) -> None:
    page = portal.health()
    for words in fault.says:
        assert words in page
    assert ("gaps in the last 24 hours" in page) == bool(fault.missing)
    if fault.missing:
        due = fault.missing + 120  # of the hours from nine on, up to the fault
        assert f"contoso-east/chat {fault.missing} of {due} minutes missing" in page
    metrics = portal.home().split("Azure Monitor metrics")[1].split("Gateway logs")[0]
    assert ("In trouble" in metrics) == ("Nothing: it is up to date." not in fault.says)
