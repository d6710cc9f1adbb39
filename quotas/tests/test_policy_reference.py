"""The page that describes the policy says what the code does."""

import json
import re
from pathlib import Path

from quotas.domain.policy import DEFAULT
from quotas.domain.policy_reading import read_policy
from quotas.tests import policy_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "policy.md"
TEXT = PAGE.read_text(encoding="utf-8")


def _section(title: str) -> list[str]:
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0].strip().split("\n")


def test_the_tables_of_facts_and_operators_are_those_of_the_code() -> None:
    assert _section("Facts") == policy_reference.facts_table()
    assert _section("Operators") == policy_reference.operators_table()


def test_the_words_of_stages_are_those_of_the_code() -> None:
    assert policy_reference.words_of_stages() in TEXT


def test_the_policy_on_the_page_is_the_default() -> None:
    found = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    assert read_policy(json.loads(found[1])) == DEFAULT
