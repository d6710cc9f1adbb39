"""Facts and policies out of thin air, for properties that hold for every policy."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from quotas.domain.policy_facts import ENVIRONMENTS, FACTS, KINDS, FactType, RequestFacts, Value
from quotas.domain.policy_rules import (
    APPROVERS,
    LISTED,
    MODES,
    ROLES,
    Condition,
    Operator,
    Outcome,
    Policy,
    Rule,
    StageRule,
    operators_of,
)
from quotas.domain.stages import PEOPLE, ROLE, Stage

MONEY = st.decimals(-5000, 5000, places=2)
SHARES = st.decimals(0, 3, places=4)
HOURS = st.decimals(0, 200, places=2)

facts = st.builds(
    RequestFacts,
    extra_units=st.integers(-500, 500),
    baseline_units=st.integers(0, 500),
    hours=st.none() | HOURS,
    pool_peak_share=SHARES,
    cost_if_fully_used=st.none() | st.decimals(0, 5000, places=2),
    last_burst_used_share=st.none() | st.decimals(0, 1, places=4),
    had_a_burst=st.booleans(),
    owner_is_active=st.booleans(),
    is_provisioned=st.booleans(),
    kind=st.sampled_from(KINDS),
    room_units=st.none() | st.integers(0, 1000),
    tier=st.none() | st.integers(1, 4),
    environment=st.none() | st.sampled_from(ENVIRONMENTS),
    lead_hours=st.none() | HOURS,
    has_budget=st.none() | st.booleans(),
    team_budget_left=st.none() | MONEY,
    use_is_known=st.none() | st.booleans(),
    starts_in_freeze=st.none() | st.booleans(),
    denied_lately=st.none() | st.booleans(),
)
VALUES: dict[FactType, st.SearchStrategy[Any]] = {
    FactType.UNITS: st.integers(-500, 500),
    FactType.SHARE: SHARES,
    FactType.HOURS: HOURS,
    FactType.MONEY: MONEY,
    FactType.NUMBER: st.integers(1, 4),
    FactType.TRUTH: st.booleans(),
}
names = st.text("abcdefghij ", min_size=1, max_size=12).map(str.strip).filter(bool)


@st.composite
def conditions(draw: st.DrawFn, *, automatic: bool = False) -> Condition:
    fact = FACTS[draw(st.sampled_from(sorted(FACTS)))]
    operator = Operator(draw(st.sampled_from(operators_of(fact))))
    single = st.sampled_from(fact.choices) if fact.choices else VALUES[fact.type]
    value: Value | tuple[Value, ...] = draw(single)
    if operator in LISTED:
        value = tuple(draw(st.lists(single, min_size=1, max_size=3)))
    return Condition(
        fact.key,
        operator,
        value,
        or_unknown=bool(fact.unknown) and not automatic and draw(st.booleans()),
        or_absent=bool(fact.absent) and draw(st.booleans()),
    )


@st.composite
def stages(draw: st.DrawFn, *, conditional: bool) -> StageRule:
    asks = draw(st.sampled_from(APPROVERS))
    people = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
    stage = Stage(
        draw(names),
        draw(st.sampled_from(MODES)),
        asks,
        draw(st.integers(1, 2160)),
        draw(st.sampled_from(ROLES)) if asks == ROLE else "",
        tuple(people) if asks == PEOPLE else (),
    )
    return StageRule(stage, draw(st.none() | conditions()) if conditional else None)


@st.composite
def rules(draw: st.DrawFn, number: int, *, last: bool = False) -> Rule:
    possible = [Outcome.STAGES, Outcome.DENY] if last else list(Outcome)
    outcome = draw(st.sampled_from(possible))
    automatic = outcome == Outcome.AUTO
    when = st.lists(conditions(automatic=automatic), min_size=int(automatic), max_size=4)
    heard = KINDS if outcome == Outcome.DENY else KINDS[:-1]  # sandboxes can only be refused
    kinds = draw(st.lists(st.sampled_from(heard), unique=True))
    asked = (draw(stages(conditional=False)), *draw(st.lists(stages(conditional=True), max_size=2)))
    return Rule(
        f"{draw(names)} {number}",
        outcome,
        () if last else tuple(kind for kind in KINDS if kind in kinds),
        () if last else tuple(draw(when)),
        asked if outcome == Outcome.STAGES else (),
        draw(names) if outcome == Outcome.DENY else "",
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    first = tuple(draw(rules(number)) for number in range(draw(st.integers(0, 4))))
    low_risk = tuple(draw(st.lists(conditions(automatic=True), max_size=3)))
    return Policy((*first, draw(rules(99, last=True))), draw(st.integers(1, 8784)), low_risk)


GOOD = RequestFacts(
    extra_units=50,
    baseline_units=100,
    hours=Decimal(72),
    pool_peak_share=Decimal("0.85"),
    cost_if_fully_used=Decimal(500),
    last_burst_used_share=Decimal("0.40"),
    had_a_burst=True,
    owner_is_active=True,
    is_provisioned=False,
)
