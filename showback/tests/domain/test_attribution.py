"""Whose use an hour of a shared deployment was: the gateway first, then the rule, then nobody."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showback.domain.attribution import Counted, Part, Use, parts_of_shared
from showback.domain.provisioned import PtuModel
from showback.domain.ptu_split import PtuUse, shared_ptu_parts
from showback.domain.suggestions import Named, suggest
from showback.domain.targets import Known, target_of
from showback.selectors.ptu_models import ptu_models
from showback.tests.factories import utc

ATLAS, DELTA = 1, 2
NOON = utc("2026-03-02 12:00")
HOUR = Use(ok=100, throttled=4, other=6, spilled=5, uncached=800, cached=200, generated=300)
MODEL: PtuModel = ptu_models()["gpt-4o"]

counts = st.integers(0, 10**7)
uses = st.builds(Use, *[counts] * 7)
services = st.one_of(st.none(), st.integers(1, 5))
counted = st.dictionaries(services, st.builds(Counted, *[counts] * 5), max_size=5)
rules = st.sampled_from([{}, {1: 10_000}, {1: 3_333, 2: 3_333, 9: 3_334}, {4: 1, 7: 9_999}])


def of(parts: list[Part]) -> dict[tuple[int | None, str], Use]:
    return {(part.service_id, part.method): part.use for part in parts}


@given(uses, counted, rules)
def test_i21_services_and_unattributed_of_an_hour_are_the_deployment(use, seen, rule):
    parts = parts_of_shared(use, seen, rule)
    together = sum((part.use for part in parts), Use())
    assert together == use
    assert len(of(parts)) == len(parts)
    for part in parts:
        assert all(getattr(part.use, f.name) >= 0 for f in fields(Use))


@given(uses, counted, rules)
def test_no_service_gets_more_of_a_count_than_the_gateway_counted(use, seen, rule):
    for part in parts_of_shared(use, seen, rule):
        if part.method == "gateway":
            mine = seen[part.service_id]
            assert part.use.ok <= mine.ok
            assert part.use.prompt <= mine.prompt
            assert part.use.generated <= mine.generated


def test_what_the_gateway_counted_goes_to_its_callers_services():
    seen = {ATLAS: Counted(60, 4, 6, 700, 200), DELTA: Counted(40, 0, 0, 300, 100)}
    parts = of(parts_of_shared(HOUR, seen, {}))
    assert parts[ATLAS, "gateway"] == Use(60, 4, 6, 0, 560, 140, 200)
    assert parts[DELTA, "gateway"] == Use(40, 0, 0, 0, 240, 60, 100)
    assert parts[None, "none"] == Use(spilled=5)  # past the gateway, by Azure itself


def test_what_the_gateway_did_not_see_goes_by_the_rule():
    seen = {ATLAS: Counted(60, 0, 0, 600, 200)}
    parts = of(parts_of_shared(HOUR, seen, {ATLAS: 2_500, DELTA: 7_500}))
    assert parts[ATLAS, "gateway"].prompt == 600
    assert (parts[ATLAS, "split"].prompt, parts[DELTA, "split"].prompt) == (100, 300)
    assert (None, "none") not in parts


def test_without_a_gateway_and_a_rule_it_is_nobodys():
    assert parts_of_shared(HOUR, {}, {}) == [Part(None, "none", HOUR)]


def test_callers_without_a_mapping_are_not_divided_by_the_rule():
    seen = {None: Counted(30, 0, 0, 400, 100), ATLAS: Counted(70, 4, 6, 600, 200)}
    parts = of(parts_of_shared(HOUR, seen, {DELTA: 10_000}))
    assert parts[None, "none"].prompt == 400
    assert parts[DELTA, "split"] == Use(spilled=5)


def test_an_estimate_above_the_whole_is_scaled_down_to_it():
    seen = {ATLAS: Counted(0, 0, 0, 1_500, 0), DELTA: Counted(0, 0, 0, 500, 0)}
    parts = of(parts_of_shared(HOUR, seen, {}))
    assert (parts[ATLAS, "gateway"].prompt, parts[DELTA, "gateway"].prompt) == (750, 250)


def test_an_idle_hour_is_a_row_of_those_who_share_it():
    assert of(parts_of_shared(Use(), {}, {ATLAS: 5_000, DELTA: 5_000})).keys() == {
        (ATLAS, "split"),
        (DELTA, "split"),
    }
    assert parts_of_shared(Use(), {ATLAS: Counted()}, {}) == [Part(None, "none", Use())]


@given(
    st.integers(0, 10**6),
    st.dictionaries(services, st.integers(0, 10**6), max_size=4),
    st.dictionaries(services, st.integers(0, 10**9), max_size=4),
    st.sampled_from([None, 0.0, 0.5, 1.2]),
    st.booleans(),
)
def test_i25_shared_ptu_hours_charged_are_those_deployed(deployed, held, tokens, busy, weighed):
    parts = shared_ptu_parts(
        NOON,
        deployed=deployed,
        held=held,
        use=PtuUse(tokens if weighed else None, busy),
        capacity_tokens=tokens,
        model=MODEL if weighed else None,
    )
    assert sum(part.unit_seconds for part in parts) == deployed
    assert all(part.unit_seconds > 0 for part in parts)
    assert all(part.service_id is None for part in parts if part.category == "unallocated")


def test_who_uses_a_shared_ptu_pays_the_use_and_its_holder_what_is_idle():
    tokens = {ATLAS: 2_500 * 60 * 10, DELTA: 2_500 * 60 * 20}  # 10 and 20 units for the hour
    parts = shared_ptu_parts(
        NOON,
        deployed=50 * 3600,
        held={ATLAS: 40 * 3600},
        use=PtuUse(tokens, None),
        capacity_tokens=tokens,
        model=MODEL,
    )
    hours = {(p.service_id, p.category): p.unit_seconds / 3600 for p in parts}
    assert hours == {
        (ATLAS, "ptu_used"): 10,
        (DELTA, "ptu_used"): 20,
        (ATLAS, "ptu_idle"): 15,  # 20 idle: it holds 30 beyond its use, nobody holds 10
        (None, "unallocated"): 5,
    }


KNOWN = [Known(1, "acme-east", "chat"), Known(2, "acme-west", "chat"), Known(3, "acme-east", "x")]


@pytest.mark.parametrize(
    ("host", "name", "found"),
    [
        ("acme-east.openai.azure.com", "chat", 1),
        ("ACME-WEST.cognitiveservices.azure.com", "Chat", 2),
        ("acme-north.openai.azure.com", "chat", None),
        ("", "x", 3),
        ("", "chat", None),
        ("acme-east.openai.azure.com", "", None),
    ],
)
def test_a_deployment_is_found_by_host_and_name_where_only_one_goes_by_them(host, name, found):
    assert target_of(host, name, KNOWN) == found


SERVICES = [
    Named(1, "radiology-reports", "health"),
    Named(2, "risk-reports", "bank"),
    Named(3, "redaction", "government"),
]


@pytest.mark.parametrize(
    ("caller", "product", "found"),
    [
        ("radiology-reports-prod", "", 1),
        ("bank-risk-reports", "", 2),
        ("a1", "redaction", 3),
        ("reports", "", None),  # two are as alike
        ("6f1c2a7e-0d5b-4c1e-9b0a-3c2d1e0f4a5b", "", None),
        ("", "", None),
    ],
)
def test_a_service_is_suggested_where_one_is_clearly_most_alike(caller, product, found):
    suggestion = suggest(caller, product, SERVICES)
    assert (suggestion and suggestion.service_id) == found
    assert suggestion is None or 0.55 <= suggestion.confidence <= 1


@pytest.mark.parametrize(
    ("tags", "found", "reason"),
    [
        ({"app": "Document translation"}, 2, "tag app = Document translation in Azure"),
        ({"OpsTeam": "Borea squad"}, 2, "tag OpsTeam = Borea squad in Azure"),
        ({"team": "atlas"}, None, ""),  # has two services
        ({"env": "translation"}, None, ""),
    ],
)  # fmt: skip
def test_a_tag_suggests_a_service_and_is_named_as_the_reason(tags, found, reason):
    services = [
        Named(1, "summaries", "atlas"),
        Named(2, "translation", "borea", "Document translation", "Borea squad"),
        Named(3, "letters", "atlas"),
    ]
    suggestion = suggest("gpt-4o", "acme", services, tags)
    assert (suggestion and suggestion.service_id) == found
    assert (suggestion.reason if suggestion else "") == reason


def test_a_name_that_is_more_alike_than_a_tag_is_the_reason():
    services = [Named(1, "summaries", "atlas"), Named(2, "translation", "borea")]
    suggestion = suggest("summaries", "acme", services, {"team": "atlas"})
    assert suggestion is not None
    assert suggestion.tag == ""
    assert suggestion.reason.startswith("names 100")
