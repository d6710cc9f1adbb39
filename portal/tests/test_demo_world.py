"""The demo's two halves fit: what the portal's people hold exists in the simulated Azure."""

import json
from collections import Counter

from portal.demo_people import organisation, sign_ins
from stack.paths import PROJECT

WORLD = json.loads((PROJECT / "simulator" / "worlds" / "demo.json").read_text())


def deployments() -> dict[str, str]:
    return {d["name"]: a["name"] for a in WORLD["accounts"] for d in a["deployments"]}


def test_every_service_has_its_deployment() -> None:
    for service in organisation()["services"]:
        assert deployments()[service["deployment"]] == service["account"]


def test_some_deployments_are_left_for_the_unmapped_list() -> None:
    mapped = {service["deployment"] for service in organisation()["services"]}
    assert len(set(deployments()) - mapped) == 3


def test_ten_teams_thirty_services_two_subscriptions_three_regions() -> None:
    assert len(organisation()["teams"]) == 10
    assert len(organisation()["services"]) == 30
    assert len(WORLD["subscriptions"]) == 2
    assert len({account["region"] for account in WORLD["accounts"]}) == 3


def test_nobody_signs_in_twice() -> None:
    names = Counter(username for username, _, _ in sign_ins())
    assert set(names.values()) == {1}
