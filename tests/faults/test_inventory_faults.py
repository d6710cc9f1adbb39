"""Azure's lists misbehave, or somebody renames and deletes: nothing is lost or counted twice."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from portal.kernel.windows import HOUR
from quotas.models import Deployment
from showback.models import CostLine, UsageHour
from tests.faults.installation import START, Installation, Rows, tables

LISTS = "GET .*contoso-east/deployments"
MEASURES = ("ok_requests", "prompt_tokens", "generated_tokens")


@dataclass(frozen=True)
class Fault:
    name: str
    says: str
    fault: dict[str, Any] = field(default_factory=dict)
    knobs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def of_lists(name: str, says: str, **fault: Any) -> Fault:
    return Fault(name, says, fault={"match": LISTS, **fault})


FAULTS = [
    of_lists(
        "429 with a long Retry-After",
        "Azure is answering too many calls just now",
        status=429,
        headers={"Retry-After": "300"},
    ),
    of_lists("502 in HTML", "(HTTP 502)", status=502, body="<html>Bad gateway</html>"),
    of_lists("a truncated body", "no answer that the portal understands", change={"cut": 0.5}),
    of_lists("a dropped connection", "Azure could not be reached in time", drop="mid"),
    Fault("fields that nobody knows", "", knobs={"unknown_fields": True}),
]


def before(portal: Installation) -> None:
    portal.go_to("9:58")
    portal.sync()
    portal.pull()
    portal.map_everything()
    portal.roll_up()


def meanwhile(portal: Installation) -> None:
    portal.go_to("10:43")
    portal.sync()
    portal.pull()
    portal.roll_up()


def afterwards(portal: Installation) -> None:
    portal.go_to("11:05")
    portal.sync()
    portal.pull(2 * HOUR)
    portal.roll_up()


def morning(portal: Installation) -> None:
    """Two hours of an installation in which all is well."""
    before(portal)
    meanwhile(portal)
    afterwards(portal)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_could_not_be_listed_is_unknown_and_not_gone(
    portal: Installation, never_faulty: Any, fault: Fault
) -> None:
    whole = never_faulty(morning)
    before(portal)
    if fault.fault:
        portal.fault(**fault.fault)
    portal.knobs(**fault.knobs)
    meanwhile(portal)
    page = portal.health()
    section = page.split("What Azure has")[1].split("Use that comes in")[0]
    assert (fault.says or "Nothing: all of it was read.") in section
    assert ("the inventory" in page.split(".")[0]) == bool(fault.says)
    assert not Deployment.objects.filter(gone_at__isnull=False).exists()
    assert max(portal.minutes("chat")) == START.replace(hour=10, minute=39), "use goes on"
    portal.clear()
    afterwards(portal)
    after = tables()
    for name, rows in whole.items():
        assert after[name] == rows, name


# ── Somebody in the Azure portal ─────────────────────────────────────────────────────────────


EIGHT, ELEVEN = START.replace(hour=8, minute=0), START.replace(hour=11, minute=0)


def use_of(*names: str, since: datetime = EIGHT) -> Counter[str]:
    """Of these deployments together."""
    found: Counter[str] = Counter()
    for row in UsageHour.objects.filter(deployment__name__in=names, hour__gte=since):
        for measure in MEASURES:
            found[measure] += getattr(row, measure)
    return found


def served(portal: Installation, *names: str) -> int:
    """What Azure itself knows of them, from the first hour read to the newest settled minute."""
    window = f"from={EIGHT:%Y-%m-%dT%H:%M:%SZ}&until={ELEVEN:%Y-%m-%dT%H}:02:00Z"
    of_each = (
        portal.azure.control("GET", f"/truth?account=contoso-east&deployment={name}&{window}")
        for name in names
    )
    return sum(each["totals"]["served"] for each in of_each)


def tokens_charged(*names: str) -> int:
    lines = CostLine.objects.filter(deployment__name__in=names, unit="token")
    return int(sum(line.quantity for line in lines))


def edit(portal: Installation, **what: Any) -> None:
    portal.azure.control("POST", "/edit", {"account": "contoso-east", **what})


def test_a_renamed_deployment_is_two_which_together_served_and_cost_what_one_did(
    portal: Installation,
) -> None:
    before(portal)
    portal.go_to("10:31")
    edit(portal, action="rename", deployment="assist", to="helper")
    meanwhile(portal)
    assert Deployment.objects.get(name="assist").gone_at == portal.at
    assert Deployment.objects.get(name="helper").first_seen_at == portal.at
    assert "1 deployment has no owner" in portal.home()
    afterwards(portal)
    both = use_of("assist", "helper")
    assert min(use_of("assist")["ok_requests"], use_of("helper")["ok_requests"]) > 0
    assert both["ok_requests"] == served(portal, "assist", "helper")
    assert tokens_charged("assist", "helper") == both["prompt_tokens"] + both["generated_tokens"]


def test_what_a_deleted_deployment_served_stays_and_no_gap_is_left_of_it(
    portal: Installation,
) -> None:
    before(portal)
    portal.go_to("10:31")
    edit(portal, action="delete", deployment="assist")
    meanwhile(portal)
    afterwards(portal)
    found = use_of("assist")
    assert found["ok_requests"] == served(portal, "assist") > 0
    assert tokens_charged("assist") == found["prompt_tokens"] + found["generated_tokens"]
    assert use_of("assist", since=ELEVEN)["ok_requests"] == 0
    assert "with missing minutes" not in portal.health()


def test_a_deleted_account_takes_its_deployments_with_it_and_leaves_the_others_readable(
    portal: Installation, never_faulty: Any
) -> None:
    whole = never_faulty(morning)
    before(portal)
    portal.go_to("10:31")
    portal.azure.control("POST", "/edit", {"action": "delete_account", "account": "contoso-east"})
    portal.go_to("10:36")
    portal.pull()
    assert "Azure has no account contoso-east any more" in portal.health()
    meanwhile(portal)
    gone = Deployment.objects.filter(gone_at=portal.at)
    assert {row.account.name for row in gone} == {"contoso-east"}
    assert gone.count() == 4
    afterwards(portal)
    north = [row for row in tables()["UsageHour"] if "contoso-north" in dict(row)["deployment"]]
    assert north == [
        row for row in whole["UsageHour"] if "contoso-north" in dict(row)["deployment"]
    ]
    hours = UsageHour.objects.filter(deployment__name="chat", hour__hour=9)
    assert hours.get().minutes_received == 55, "what was read of it at 9:58 stays"
    portal.go_to("11:50")
    portal.pull()
    page = portal.health().split("Use that comes in")[1]
    assert "eastus2" not in page, "a region that is asked no more is no source"
    assert "missing minutes" not in page


def of_the_north(rows: Rows) -> list[Any]:
    return [row for row in rows["UsageHour"] if "contoso-north" in dict(row)["deployment"]]


def test_an_account_that_is_merely_not_listed_is_not_gone(portal: Installation) -> None:
    """As when the portal's right on its resource group was taken away."""
    before(portal)
    portal.fault(match="GET .*CognitiveServices/accounts\\?", change={"remove": ["value.0"]})
    denied = {"error": {"code": "AuthorizationFailed", "message": "No role"}}
    portal.fault(match="contoso-east", status=403, body=denied)
    meanwhile(portal)
    assert not Deployment.objects.filter(gone_at__isnull=False).exists()
