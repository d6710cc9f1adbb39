"""`manage.py doctor`: its options, lines, JSON and exit status."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from portal.kernel.clock import real_now
from portal.kernel.findings import Finding, failed, not_tried, warning, well
from portal.management.commands import doctor
from portal.management.doctor import report
from portal.management.doctor.guard import write_guard

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai-east/providers"
    "/Microsoft.CognitiveServices/accounts/contoso-east"
)
CHAT = f"{ACCOUNT}/deployments/chat"
FINDINGS = [
    well("portal.settings", "Settings are read.", mode="test"),
    warning("azure.clock", "The clock is “off”.", fix="Set it.", skew_seconds=40),
    failed("azure.accounts", "Could not\nlist.", SUBSCRIPTION, fix="Give Reader.", status=403),
    not_tried("azure.write", "Not tried."),
]


@pytest.fixture
def azure_side(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[dict[str, Any]]:
    """What the command asked of the Azure side, which finds `found`."""
    seen: dict[str, Any] = {"found": []}
    settings.HEADROOM_SUBSCRIPTIONS = [SUBSCRIPTION]

    def examine(subscription_ids: Any, **arguments: Any) -> Iterator[Finding]:
        seen.update(arguments, subscription_ids=list(subscription_ids))
        yield from seen["found"]

    monkeypatch.setattr(doctor, "examine_azure", examine)
    return seen


def run(*arguments: str) -> tuple[int, str]:
    """The exit status and what was printed."""
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


# ── The command ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
def test_all_well_is_status_nought(azure_side: dict[str, Any]) -> None:
    azure_side["found"] = [well("azure.accounts", "Listed.")]
    status, text = run()
    assert status == 0
    lines = text.splitlines()
    assert lines[-2] == "✓ Listed."
    assert lines[-1] == f"{len(lines) - 1} checks: {len(lines) - 1} well."


def test_one_failure_is_status_one_and_warnings_are_not(azure_side: dict[str, Any]) -> None:
    azure_side["found"] = [FINDINGS[1], FINDINGS[3]]
    assert run("--only", "azure")[0] == 0
    azure_side["found"] = FINDINGS
    status, text = run("--only", "azure")
    assert status == 1
    assert text.splitlines() == [
        "✓ Settings are read.",
        "– Warning: The clock is “off”. Set it.",
        "✗ Could not list. Give Reader.",
        "– Not tried.",
        "4 checks: 1 well, 1 to look at, 1 failed, 1 not tried.",
    ]


def test_json_is_one_object_with_the_documented_keys(azure_side: dict[str, Any]) -> None:
    azure_side["found"] = FINDINGS
    status, text = run("--only", "azure", "--json")
    found = json.loads(text)
    assert status == 1
    assert set(found) == {"version", "began_at", "mode", "cloud", "well", "counts", "findings"}
    assert (found["version"], found["mode"], found["cloud"]) == (1, "test", "public")
    assert found["well"] is False
    assert found["counts"] == {"ok": 1, "warning": 1, "failed": 1, "not_tried": 1}
    assert found["findings"][2] == {
        "check": "azure.accounts",
        "outcome": "failed",
        "subject": SUBSCRIPTION,
        "sentence": "Could not\nlist.",
        "fix": "Give Reader.",
        "facts": {"status": 403},
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--write"], "needs the resource id of one deployment"),
        (["--write", ACCOUNT], "needs the resource id of one deployment"),
        (["--write", CHAT.replace("1111", "2222")], "not in HEADROOM_SUBSCRIPTIONS"),
        (["--write", CHAT, "--only", "portal"], "leave --only out"),
    ],
)
def test_a_wrong_use_is_status_two_and_asks_nothing_of_azure(
    azure_side: dict[str, Any], arguments: list[str], words: str
) -> None:
    with pytest.raises(CommandError, match=words) as caught:
        call_command("doctor", *arguments)
    assert caught.value.returncode == 2
    assert "subscription_ids" not in azure_side


def test_nothing_is_written_unless_a_deployment_is_named(azure_side: dict[str, Any]) -> None:
    run("--only", "azure")
    assert azure_side["write"] == ""
    run("--only", "azure", "--write", CHAT)
    assert azure_side["write"] == CHAT
    assert azure_side["guard"] is write_guard


def test_a_subscription_named_twice_is_examined_once(
    azure_side: dict[str, Any], settings: Any
) -> None:
    settings.HEADROOM_SUBSCRIPTIONS = [SUBSCRIPTION, SUBSCRIPTION]
    run("--only", "azure")
    assert azure_side["subscription_ids"] == [SUBSCRIPTION]


def test_an_error_that_nobody_foresaw_is_a_line_too(
    azure_side: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Iterator[Finding]:
        yield FINDINGS[0]
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(doctor, "examine_azure", broken)
    status, text = run("--only", "azure")
    assert status == 1
    assert "✗ The checks stopped: RuntimeError: first." in text
    assert "Traceback" not in text


def test_the_time_is_the_machines_where_the_database_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_database() -> None:
        raise DatabaseError

    monkeypatch.setattr(doctor, "now", no_database)
    assert abs(doctor.present_moment() - real_now()) < timedelta(seconds=5)


# ── Lines ────────────────────────────────────────────────────────────────────────────────────


def test_a_terminal_without_these_characters_gets_plain_ones() -> None:
    lines = [report.line(finding, encoding="ascii") for finding in FINDINGS]
    assert lines == [
        "ok   Settings are read.",
        '--   Warning: The clock is "off". Set it.',
        "FAIL Could not list. Give Reader.",
        "--   Not tried.",
    ]


def test_a_name_that_a_terminal_cannot_show_does_not_end_the_report() -> None:
    line = report.line(well("azure.accounts", "Account zürich-東京."), encoding="latin-1")
    assert line == "ok   Account zürich-??."
