"""The demo's two halves fit: what the portal's people hold exists in the simulated Azure."""

import json
from collections import Counter

from portal.demo_people import organisation, sign_ins
from portal.management.demo import experiments, story
from stack.paths import PROJECT

WORLD = json.loads((PROJECT / "simulator" / "worlds" / "demo.json").read_text())


def deployments() -> dict[str, str]:
    return {d["name"]: a["name"] for a in WORLD["accounts"] for d in a["deployments"]}


def test_every_service_has_its_deployment() -> None:
    for service in organisation()["services"]:
        assert deployments()[service["deployment"]] == service["account"]


def test_some_deployments_are_left_for_the_unmapped_list() -> None:
    mapped = {service["deployment"] for service in organisation()["services"]}
    mapped |= {f"{name}{story.STANDBY}" for name in mapped}
    mapped.add(experiments.PLAYGROUND)
    assert len(set(deployments()) - mapped) == 3


def test_ten_teams_thirty_one_services_two_subscriptions_three_regions() -> None:
    assert len(organisation()["teams"]) == 10
    assert len(organisation()["services"]) == 31
    assert len(WORLD["subscriptions"]) == 2
    assert len({account["region"] for account in WORLD["accounts"]}) == 3


def test_nobody_signs_in_twice() -> None:
    names = Counter(username for username, _, _ in sign_ins())
    assert set(names.values()) == {1}


def test_every_subscription_of_the_gateway_is_a_services_but_for_one_whose_name_tells() -> None:
    slugs = {service["slug"] for service in organisation()["services"]}
    callers = {s["id"] for gateway in WORLD["gateways"] for s in gateway["subscriptions"]}
    assert set(story.CALLERS) | {"training-coach-pilot"} == callers
    assert set(story.CALLERS.values()) | {"training-coach", story.SHARED} <= slugs
    assert sum(story.SHARES.values()) == 10_000


def test_what_is_made_after_a_published_case_says_that_it_is_fiction() -> None:
    assert "fiction" in organisation()["organisation"]
    told = {s["slug"] for s in organisation()["services"] if "fiction" in s["purpose"]}
    assert told == {"radiology-drafts", "risk-reports", "document-redaction"}
