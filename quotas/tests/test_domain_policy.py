"""Judging: the default policy, each operator, what is not known, and I16 over made-up policies."""

import json
from dataclasses import asdict, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.errors import DomainError
from portal.models import Role
from quotas.domain.policy import DEFAULT, PolicyLimits, of_limits, stored
from quotas.domain.policy_facts import FACTS, KINDS, SANDBOX, FactType, RequestFacts
from quotas.domain.policy_judge import Verdict, clause_of, holds, judge
from quotas.domain.policy_rules import (
    ROLES,
    Condition,
    Operator,
    Outcome,
    Policy,
    Rule,
    StageRule,
    operators_of,
)
from quotas.domain.stages import ANY_OF, POOL_OWNERS, Stage
from quotas.models import CapacityRequest, Service
from quotas.tests import made_policies, old_policy
from quotas.tests.made_policies import GOOD

OWNERS = Stage("Owners", ANY_OF, POOL_OWNERS, 168)
REST = Rule("Rest", Outcome.STAGES, stages=(StageRule(OWNERS),))


def test_every_limit_of_the_default_is_still_automatic() -> None:
    assert judge(GOOD, DEFAULT).automatic


@pytest.mark.parametrize(
    ("clause", "worse"),
    [
        ("share of baseline", {"extra_units": 51}),
        ("share of baseline", {"baseline_units": 0}),
        ("length", {"hours": Decimal("72.02")}),
        ("pool peak", {"pool_peak_share": Decimal("0.8501")}),
        ("cost", {"cost_if_fully_used": Decimal("500.01")}),
        ("cost", {"cost_if_fully_used": None}),
        ("last burst", {"last_burst_used_share": Decimal("0.39")}),
        ("last burst", {"last_burst_used_share": None}),
        ("owner", {"owner_is_active": False}),
    ],
)
def test_one_failed_clause_sends_it_to_people(clause: str, worse: dict[str, object]) -> None:
    verdict = judge(replace(GOOD, **worse), DEFAULT)  # type: ignore[arg-type]
    assert verdict.outcome == Outcome.STAGES
    assert [c.name for c in verdict.failed] == [clause]
    assert [stage.name for stage in verdict.stages] == ["Platform owners"]


def test_a_first_burst_has_nothing_to_be_compared_with() -> None:
    first = replace(GOOD, had_a_burst=False, last_burst_used_share=None)
    assert judge(first, DEFAULT).automatic


def test_above_a_cost_finance_is_asked_after_the_platform_owners() -> None:
    dear = judge(replace(GOOD, cost_if_fully_used=Decimal("5000.01")), DEFAULT)
    assert [stage.name for stage in dear.stages] == ["Platform owners", "Finance"]
    at_it = judge(replace(GOOD, cost_if_fully_used=Decimal(5000)), DEFAULT)
    assert [stage.name for stage in at_it.stages] == ["Platform owners"]


@pytest.mark.parametrize(
    ("kind", "extra_units", "automatic"),
    [("give_back", -40, True), ("baseline", -40, True), ("baseline", 40, False),
     ("transfer", 0, False), ("extension", 40, True), ("extension", 60, False)],
)  # fmt: skip
def test_the_default_by_kind(kind: str, extra_units: int, automatic: bool) -> None:
    asked = replace(GOOD, kind=kind, extra_units=extra_units)
    assert judge(asked, DEFAULT).automatic is automatic


old_facts = made_policies.facts.map(
    lambda f: replace(f, kind="burst", extra_units=abs(f.extra_units) + 1, hours=f.hours or
                      Decimal(1), pool_peak_share=f.pool_peak_share)
)  # fmt: skip
AGE_OLD = ("extra_units", "baseline_units", "hours", "pool_peak_share", "cost_if_fully_used",
           "last_burst_used_share", "had_a_burst", "owner_is_active", "is_provisioned",
           "currency")  # fmt: skip
limits = st.builds(
    PolicyLimits,
    auto_share_of_baseline=st.decimals(0, 3, places=2),
    auto_hours=st.integers(0, 200),
    auto_pool_peak_share=st.decimals(0, 2, places=2),
    auto_cost=st.decimals(0, 5000, places=0),
    auto_last_burst_used_share=st.decimals(0, 1, places=2),
)


def _said(verdict: Verdict | old_policy.Verdict) -> list[tuple[str, bool, str]]:
    return [(clause.name, clause.passed, clause.sentence) for clause in verdict.clauses]


@given(old_facts, limits)
def test_i16_decisions_of_the_old_form_replay_to_the_same_words(
    found: RequestFacts, kept: PolicyLimits
) -> None:
    """Facts and version as they were stored then, without what was added since."""
    row = json.loads(json.dumps({key: found.as_json()[key] for key in AGE_OLD}))
    before = old_policy.judge_burst(RequestFacts.from_json(row), kept)
    after = judge(RequestFacts.from_json(row), stored(json.loads(json.dumps(kept.as_json()))))
    assert after.automatic is before.automatic
    assert _said(after) == _said(before)


@given(old_facts)
def test_the_default_answers_bursts_as_it_did_before_there_were_rules(found: RequestFacts) -> None:
    before = old_policy.judge_burst(found, PolicyLimits())
    after = judge(found, DEFAULT)
    assert (after.automatic, _said(after)) == (before.automatic, _said(before))


@given(made_policies.facts, made_policies.policies())
def test_i16_replaying_stored_facts_gives_the_same_decision(
    found: RequestFacts, policy: Policy
) -> None:
    kept_facts = RequestFacts.from_json(json.loads(json.dumps(found.as_json())))
    kept_rules = stored(json.loads(json.dumps(policy.as_json())))
    assert kept_rules == policy
    assert kept_facts == found
    assert judge(kept_facts, kept_rules) == judge(found, policy)


@given(made_policies.facts, made_policies.policies())
def test_an_automatic_yes_rests_on_known_facts_only(found: RequestFacts, policy: Policy) -> None:
    verdict = judge(found, policy)
    if not verdict.automatic or found.kind == SANDBOX:  # small by its setting, asks no rule
        return
    rule = next(rule for rule in policy.rules if rule.name == verdict.rule)
    assert all(FACTS[c.fact].read(found) is not None for c in rule.conditions)
    assert all(clause.passed for clause in verdict.clauses)


@given(made_policies.facts, made_policies.policies())
def test_whoever_is_asked_there_is_at_least_one_stage(found: RequestFacts, policy: Policy) -> None:
    verdict = judge(found, policy)
    assert bool(verdict.stages) is (verdict.outcome == Outcome.STAGES)
    assert all(clause.sentence for clause in verdict.clauses)


@pytest.mark.parametrize(
    ("operator", "value", "at", "expected"),
    [
        (Operator.AT_MOST, 10, (9, 10, 11), (True, True, False)),
        (Operator.BELOW, 10, (9, 10, 11), (True, False, False)),
        (Operator.AT_LEAST, 10, (9, 10, 11), (False, True, True)),
        (Operator.ABOVE, 10, (9, 10, 11), (False, False, True)),
        (Operator.IS, 10, (9, 10, 11), (False, True, False)),
        (Operator.IS_NOT, 10, (9, 10, 11), (True, False, True)),
    ],
)
def test_each_operator_on_numbers(
    operator: Operator, value: int, at: tuple[int, ...], expected: tuple[bool, ...]
) -> None:
    condition = Condition("extra_units", operator, value)
    assert tuple(holds(condition, replace(GOOD, extra_units=n)) for n in at) == expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        (Operator.IS, "test", {"test"}),
        (Operator.IS_NOT, "test", {"production", "development"}),
        (Operator.ONE_OF, ("test", "development"), {"test", "development"}),
        (Operator.NONE_OF, ("test", "development"), {"production"}),
    ],
)
def test_each_operator_on_choices(operator: Operator, value: object, expected: set[str]) -> None:
    condition = Condition("environment", operator, value)  # type: ignore[arg-type]
    environments = FACTS["environment"].choices
    held = {e for e in environments if holds(condition, replace(GOOD, environment=e))}
    assert held == expected


UNKNOWN = replace(
    GOOD, cost_if_fully_used=None, last_burst_used_share=None, room_units=None, tier=None
)


@pytest.mark.parametrize("key", [key for key, fact in FACTS.items() if fact.unknown])
def test_what_is_not_known_passes_no_operator(key: str) -> None:
    fact = FACTS[key]
    assert fact.read(UNKNOWN) is None
    for operator in operators_of(fact):
        value: object = {"tier": 1}.get(key, fact.choices or Decimal(0))
        condition = Condition(key, operator, value)  # type: ignore[arg-type]
        assert not holds(condition, UNKNOWN)
        assert holds(replace(condition, or_unknown=True), UNKNOWN)
        rule = Rule("Cheap", Outcome.AUTO, conditions=(condition,))
        assert clause_of(condition, UNKNOWN, rule).sentence == fact.unknown


ABSENT = replace(GOOD, baseline_units=0, hours=None, had_a_burst=False, has_budget=False,
                 room_units=0)  # fmt: skip


@pytest.mark.parametrize("key", [key for key, fact in FACTS.items() if fact.absent])
def test_what_does_not_exist_is_neither_nought_nor_unknown(key: str) -> None:
    condition = Condition(key, Operator.AT_MOST, Decimal(0))
    assert not holds(condition, ABSENT)
    assert not holds(replace(condition, or_unknown=True), ABSENT)
    assert holds(replace(condition, or_absent=True), ABSENT)


def test_the_first_rule_that_holds_decides() -> None:
    dear = Condition("cost_if_fully_used", Operator.ABOVE, Decimal(100))
    refuse = Rule("Dear", Outcome.DENY, conditions=(dear,), reason="Too dear.")
    policy = Policy((refuse, *DEFAULT.rules), 744)
    verdict = judge(GOOD, policy)
    assert (verdict.outcome, verdict.rule, verdict.reason) == (Outcome.DENY, "Dear", "Too dear.")
    assert [c.sentence for c in verdict.failed] == [
        "Costs up to 500 USD if fully used; refused above 100 USD."
    ]
    assert judge(replace(GOOD, cost_if_fully_used=Decimal(100)), policy).automatic


def test_a_rule_for_other_kinds_is_passed_over_in_silence() -> None:
    only = Rule("Baselines", Outcome.AUTO, kinds=("baseline",),
                conditions=(Condition("extra_units", Operator.AT_MOST, 0),))  # fmt: skip
    assert judge(GOOD, Policy((only, REST), 744)).clauses == ()


def test_a_yes_by_the_second_rule_shows_only_its_own_clauses() -> None:
    tiny = Rule("Tiny", Outcome.AUTO, conditions=(Condition("extra_units", Operator.BELOW, 2),))
    verdict = judge(GOOD, Policy((tiny, *DEFAULT.rules), 744))
    assert verdict.automatic
    assert {clause.rule for clause in verdict.clauses} == {"Ordinary bursts"}


def test_the_budget_left_after_it_is_compared_with_what_it_costs_at_most() -> None:
    left = Condition("budget_left_after", Operator.AT_LEAST, Decimal(0))
    inside = Rule("Inside the budget", Outcome.AUTO, conditions=(left,))
    policy = Policy((inside, REST), 744)
    has = replace(GOOD, has_budget=True, team_budget_left=Decimal(500))
    assert judge(has, policy).automatic
    short = judge(replace(has, team_budget_left=Decimal("499.99")), policy)
    assert short.failed[0].sentence == (
        "Leaves the team -0.01 USD of its budget if fully used; automatic from 0 USD."
    )


def test_the_words_of_facts_are_those_of_the_models() -> None:
    """The domain knows no models; so its lists are held equal to theirs here."""
    assert set(FACTS["environment"].choices) == set(Service.Environment.values)
    assert set(CapacityRequest.Kind.values) <= set(KINDS)
    assert set(ROLES) <= set(Role.values)


def test_every_fact_can_be_told_in_a_sentence() -> None:
    stored_keys = set(asdict(GOOD))
    for fact in FACTS.values():
        assert fact.meaning.endswith(".")
        assert ("{value}" in fact.says) is (fact.type != FactType.TRUTH)
        assert bool(fact.choices) is (fact.type == FactType.CHOICE)
    assert {"kind", "extra_units", "tier", "environment", "is_provisioned"} <= stored_keys


def test_an_old_policy_with_an_unknown_limit_is_refused_by_name() -> None:
    with pytest.raises(DomainError, match="auto_hurs"):
        PolicyLimits.from_json({**PolicyLimits().as_json(), "auto_hurs": "1"})


def test_an_old_policy_with_a_limit_that_is_no_number_is_refused() -> None:
    with pytest.raises(DomainError, match="not a number"):
        PolicyLimits.from_json({**PolicyLimits().as_json(), "auto_cost": "much"})


def test_an_old_policy_knows_one_stage() -> None:
    old = of_limits(PolicyLimits(review_hours=24))
    asked = judge(replace(GOOD, cost_if_fully_used=Decimal(99_999)), old)
    assert [(stage.name, stage.hours) for stage in asked.stages] == [("Platform owners", 24)]
