"""The table of rights, the role files and docs/azure.md say the same."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from portal.cloud.doctor import rights

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "azure.md").read_text()
ACTION = re.compile(r"`(Microsoft\.[A-Za-z]+/[A-Za-z/]+)`")


def role(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / rights.ROLE_FILES[name]).read_text())
    return found


def table_of_calls() -> list[list[str]]:
    section = DOCS.split("## Every call")[1].split("\n**Never called**")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1:]]


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        (rights.OBSERVER_ROLE, rights.OBSERVER_RIGHTS),
        (rights.WRITER_ROLE, rights.WRITER_RIGHTS),
        (rights.LOG_READER_ROLE, rights.LOG_READER_RIGHTS),
        (rights.GATEWAY_ROLE, rights.GATEWAY_RIGHTS),
    ],
)
def test_a_role_holds_what_its_calls_need_and_nothing_more(
    name: str, needed: tuple[rights.Right, ...]
) -> None:
    found = role(name)
    assert found["Name"] == name
    assert found["Actions"] == [right.action for right in needed]
    assert found["NotActions"] == found["DataActions"] == found["NotDataActions"] == []
    assert found["AssignableScopes"] == ["/subscriptions/<subscription id>"]


def test_each_call_of_the_documented_table_has_its_right_in_a_role_and_no_right_is_idle() -> None:
    documented = {action for row in table_of_calls() for action in ACTION.findall(row[-1])}
    held = {action for name in rights.ROLE_FILES for action in role(name)["Actions"]}
    assert documented == held


def test_every_documented_call_names_a_right_or_none() -> None:
    rows = table_of_calls()
    assert len(rows) >= 10
    assert all(ACTION.search(row[-1]) or row[-1] == "none" for row in rows)


def test_no_role_reads_keys_or_holds_a_wildcard() -> None:
    actions = [action for name in rights.ROLE_FILES for action in role(name)["Actions"]]
    assert not [action for action in actions if "*" in action or "key" in action.lower()]
    writes = [action for action in actions if not action.endswith("/read")]
    assert writes == [rights.WRITE.action, rights.GATEWAY_WRITE.action]


def test_the_page_names_the_evidence_of_each_action_and_points_at_the_files() -> None:
    evidence = DOCS.split("## Least privilege")[1].split("\n## ")[0]
    for right in rights.ALL_RIGHTS:
        assert f"| `{right.action}` |" in evidence
    for path in rights.ROLE_FILES.values():
        assert path in evidence
