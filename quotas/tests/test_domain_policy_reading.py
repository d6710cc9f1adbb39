"""Reading a policy: whatever is wrong is named, with its rule and its field, all at once."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotas.domain.policy import DEFAULT
from quotas.domain.policy_reading import PolicyInvalid, read_policy

BURSTS, REST = 2, 3  # places of these rules in the default


def changed(path: str, value: Any) -> dict[str, Any]:
    """The default with one thing changed at the path; `…` takes it out."""
    document = copy.deepcopy(DEFAULT.as_json())
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def problems(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(PolicyInvalid) as refused:
        read_policy(document)
    return [(problem.place, problem.sentence) for problem in refused.value.problems]


def test_the_default_reads_as_itself() -> None:
    assert read_policy(DEFAULT.as_json()) == DEFAULT


@pytest.mark.parametrize(
    ("path", "value", "place", "says"),
    [
        ("longest_hours", 0, "longest_hours", "The policy, longest hours: “0” is not"),
        ("longest_hours", "much", "longest_hours", "“much” is not a whole number"),
        ("longest_hours", True, "longest_hours", "“True” is not"),
        ("longest_hours", ..., "longest_hours", "(nothing)"),
        ("rules", [], "rules", "has 0"),
        ("rules", "all", "rules", "is not a list"),
        ("rules.2", "all", "rules.2", "Rule 3 has no fields to read"),
        ("rules.2.name", " ", "rules.2.name", "Rule 3 “ ”, name: is missing"),
        ("rules.2.name", "Giving back", "rules.2.name", "rule 1 has the same name"),
        ("rules.2.name", "x" * 61, "rules.2.name", "61 characters"),
        ("rules.2.then", "maybe", "rules.2.then", "“maybe” is none of auto, stages, deny"),
        ("rules.2.kinds", ["burts"], "rules.2.kinds", "“burts” is none of burst, baseline"),
        ("rules.2.wehn", [], "rules.2.wehn", "there is no such field"),
        ("rules.2.when.1.fact", "lenght", "rules.2.when.1.fact", "condition 2, fact: “lenght”"),
        ("rules.2.when.1.is", "one_of", "rules.2.when.1.is", "“one_of” is none of at_most"),
        ("rules.2.when.1.value", "much", "rules.2.when.1.value", "is not a number of hours"),
        ("rules.2.when.1.value", True, "rules.2.when.1.value", "is not a number of hours"),
        ("rules.2.when.1.value", -1, "rules.2.when.1.value", "is not a number of hours"),
        ("rules.2.when.1.value", "nan", "rules.2.when.1.value", "is not a number of hours"),
        ("rules.2.when.1.value", "1e400", "rules.2.when.1.value", "is not a number of hours"),
        ("rules.2.when.0.value", 11, "rules.2.when.0.value", "such as 0.50 or 50 %"),
        ("rules.2.when.0.value", "0.12345", "rules.2.when.0.value", "such as 0.50 or 50 %"),
        ("rules.2.when.3.value", "1.001", "rules.2.when.3.value", "is not an amount of money"),
        ("rules.2.when.5.value", "yes", "rules.2.when.5.value", "neither true nor false"),
        ("rules.2.when.3.or_unknown", True, "rules.2.when.3.or_unknown", "never passes on what"),
        ("rules.2.when.3.or_absent", True, "rules.2.when.3.or_absent", "is always there"),
        ("rules.2.when.4.or_absent", "yes", "rules.2.when.4.or_absent", "neither true nor"),
        ("rules.1.when.0.value", "0.5", "rules.1.when.0.value", "a whole number of units"),
        ("rules.2.stages", [{}], "rules.2.stages", "only a rule that asks people has stages"),
        ("rules.2.reason", "No.", "rules.2.reason", "only a rule that refuses"),
        ("rules.3.stages", [], "rules.3.stages", "has 0; 1 to 8"),
        ("rules.3.stages.0.mode", "some", "rules.3.stages.0.mode", "stage 1, mode: “some”"),
        ("rules.3.stages.0.hours", 0, "rules.3.stages.0.hours", "is not a whole number 1 to"),
        ("rules.3.stages.0.approvers", "all", "rules.3.stages.0.approvers", "“all” is none of"),
        ("rules.3.stages.0.approvers", "role", "rules.3.stages.0.role", "stage 1, role:"),
        ("rules.3.stages.0.approvers", "people", "rules.3.stages.0.people", "has 0; 1 to 50"),
        ("rules.3.stages.1.condition.value", "x", "rules.3.stages.1.condition.value",
         "stage 2, its condition, value: “x” is not an amount of money"),
        ("rules.3.stages.1.condition.fact", None, "rules.3.stages.1.condition.fact", "(nothing)"),
        ("rules.3.then", "deny", "rules.3.reason", "is missing; people read it"),
        ("rules.3.kinds", ["burst"], "rules.3.when", "the last, when: it answers what no other"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_rule_and_field(
    path: str, value: Any, place: str, says: str
) -> None:
    found = problems(changed(path, value))
    assert place in [where for where, _ in found]
    assert any(where == place and says in sentence for where, sentence in found), found


def test_a_policy_never_ends_with_a_yes() -> None:
    document = DEFAULT.as_json()
    document["rules"] = document["rules"][:3]
    assert "it answers what no other rule does" in problems(document)[0][1]
    document["rules"] = [{"name": "All", "kinds": [], "when": [], "then": "auto"}]
    assert any("asks people or refuses" in sentence for _, sentence in problems(document))


def test_an_automatic_rule_needs_a_condition_or_a_kind() -> None:
    document = changed("rules.2.when", [])
    assert read_policy(document).rules[BURSTS].kinds
    document["rules"][BURSTS]["kinds"] = []
    assert "would approve everything" in problems(document)[0][1]


def test_stages_that_all_have_conditions_might_ask_nobody() -> None:
    document = DEFAULT.as_json()
    document["rules"][REST]["stages"] = document["rules"][REST]["stages"][1:]
    assert "nobody may be asked" in problems(document)[0][1]


@pytest.mark.parametrize(
    ("people", "says"), [(["Ada"], "“Ada” is nobody"), ([0], "“0” is nobody"), ([7, 7], "twice")]
)
def test_people_are_named_by_their_numbers_once(people: list[Any], says: str) -> None:
    document = DEFAULT.as_json()
    document["rules"][REST]["stages"][0] |= {"approvers": "people", "people": people}
    assert says in problems(document)[0][1]


def test_every_problem_is_told_at_once_and_counted_in_the_sentence() -> None:
    document = changed("longest_hours", "much")
    document["rules"][BURSTS]["when"][1]["value"] = "long"
    document["rules"][REST]["stages"][0]["hours"] = "soon"
    with pytest.raises(PolicyInvalid, match=r"longest hours.*\(2 more to put right\.\)"):
        read_policy(document)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
PLACES = ["longest_hours", "rules", "rules.2", "rules.2.when", "rules.2.when.0",
          "rules.2.when.0.value", "rules.2.when.0.is", "rules.2.when.0.fact", "rules.2.kinds",
          "rules.3.stages", "rules.3.stages.0", "rules.3.stages.0.approvers",
          "rules.3.stages.1.condition", "rules.2.name", "rules.2.then"]  # fmt: skip


@given(st.sampled_from(PLACES), anything)
def test_no_document_breaks_the_reading(path: str, value: Any) -> None:
    try:
        read_policy(changed(path, value))
    except PolicyInvalid as refused:
        found = [problem.sentence for problem in refused.problems]
    else:
        found = ["It is a policy still."]
    assert found
    assert all(found)


@given(anything)
def test_what_is_no_policy_at_all_is_refused_in_words(document: Any) -> None:
    assert problems(document)
