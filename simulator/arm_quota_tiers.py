"""ARM's quota tiers: list, get, PATCH and PUT of ``quotaTiers/default``, all done at once."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulator.arm_lookup import PROVIDER, SUBSCRIPTION, called_subscription
from simulator.clock import iso
from simulator.paging import list_response
from simulator.quota_tiers import HIGHEST, POLICIES, tier_name
from simulator.state import State
from simulator.web import ArmError, Call, Route, json_response

_TIERS = f"{SUBSCRIPTION}{PROVIDER}/quotaTiers"


def tier_json(state: State, subscription: str) -> dict[str, Any]:
    """The one quota tier of a subscription, with the fields of the official example."""
    tier = state.tiers.of(subscription)
    joiner = "-" if state.knobs.tier_names == "Tier-1" else " "
    return {
        "id": f"/subscriptions/{subscription}{PROVIDER}/quotaTiers/default",
        "name": "default",
        "type": "Microsoft.CognitiveServices/quotaTiers",
        "properties": {
            "currentTierName": tier_name(tier.level, joiner),
            "assignmentDate": iso(tier.assigned_at),
            "tierUpgradePolicy": tier.policy,
            "tierUpgradeEligibilityInfo": _eligibility(state, subscription, joiner),
        },
    }


def _eligibility(state: State, subscription: str, joiner: str) -> dict[str, Any]:
    level, upgrade = state.tiers.of(subscription).level, state.tiers.next_upgrade(subscription)
    following = {"nextTierName": tier_name(level + 1, joiner)} if level < HIGHEST else {}
    if upgrade is None:
        # The words of the reason are not verified.
        reason = "The subscription is not yet eligible for an upgrade to the next tier."
        return {
            **following,
            "upgradeAvailabilityStatus": "NotAvailable",
            "upgradeUnavailabilityReason": reason,
        }
    return {
        **following,
        "upgradeAvailabilityStatus": "Available",
        "upgradeApplicableDate": iso(upgrade.at),
    }


async def _list(call: Call) -> Response:
    return list_response(call, [tier_json(call.state, called_subscription(call))])


async def _get(call: Call) -> Response:
    return json_response(tier_json(call.state, _named(call)))


async def _write(call: Call) -> Response:
    """PATCH and PUT take the policy alone; all else is read-only and passed over."""
    subscription = _named(call)
    properties = call.json().get("properties")
    policy = properties.get("tierUpgradePolicy") if isinstance(properties, dict) else None
    if policy is not None:
        known = {each.lower(): each for each in POLICIES}
        if str(policy).lower() not in known:
            raise ArmError(
                400, "InvalidRequestContent",
                f"The tierUpgradePolicy '{policy}' is not one of {', '.join(POLICIES)}.",
            )  # fmt: skip
        state = call.state
        state.tiers.set_policy(subscription, known[str(policy).lower()], state.clock.now())
        state.save()
    return json_response(tier_json(call.state, subscription))


def _named(call: Call) -> str:
    """The subscription. Raises ArmError 404 when the tier asked for is not ``default``."""
    subscription, name = called_subscription(call), call.path["tier"]
    if name.lower() != "default":
        raise ArmError(
            404, "ResourceNotFound",
            f"The Resource 'Microsoft.CognitiveServices/quotaTiers/{name}' was not found.",
        )  # fmt: skip
    return subscription


QUOTA_TIER_ROUTES = (
    Route("GET", _TIERS, _list),
    Route("GET", f"{_TIERS}/{{tier}}", _get),
    Route("PATCH", f"{_TIERS}/{{tier}}", _write),
    Route("PUT", f"{_TIERS}/{{tier}}", _write),
)
