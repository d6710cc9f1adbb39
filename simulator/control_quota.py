"""Control of quota: limits, regimes, tier upgrades and what Azure itself has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from simulator.clock import parse_time
from simulator.control_behaviour import wrong
from simulator.scopes import SCOPES
from simulator.state import State
from simulator.web import Call, Route, json_response
from simulator.world import TierUpgrade
from simulator.world_fields import region_of


def limit_rows(state: State) -> list[dict[str, Any]]:
    """Every pool in use with its limit and what is held of it."""
    return [
        {
            "subscription": row.pool[0],
            "region": row.pool[1],
            "usage_name": row.usage_name,
            "limit": row.limit,
            "allocated": row.allocated,
            "scope": row.scope_type,
        }
        for row in state.quota.rows()
    ]


def _known_subscription(state: State, body: dict[str, Any]) -> str:
    subscription = str(body.get("subscription", ""))
    if subscription.lower() not in {each.id.lower() for each in state.world.subscriptions}:
        raise wrong(f"There is no subscription {subscription!r} in this world.")
    return subscription


def _units(body: dict[str, Any], key: str) -> int:
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise wrong(f"{key} is a whole number from 0, got {value!r}.")
    return value


async def _set_limit(call: Call) -> Response:
    state, body = call.state, call.json()
    limit, subscription = _units(body, "limit"), _known_subscription(state, body)
    region, usage_name = (str(body.get(name, "")) for name in ("region", "usage_name"))
    if not region or not usage_name:
        raise wrong("A limit needs subscription, region, usage_name and limit.")
    place, delay = region_of(region), state.knobs.limit_delay_seconds
    if delay:
        later = state.clock.now() + timedelta(seconds=delay)
        state.quota.set_limit_later(later, subscription, place, usage_name, limit)
    else:
        state.quota.set_limit(subscription, place, usage_name, limit)
    state.save()
    return json_response({"value": limit_rows(state)})


async def _move_quota(call: Call) -> Response:
    """Azure puts a usage name under another regime, as it does model by model."""
    state, body = call.state, call.json()
    usage_name, scope = str(body.get("usage_name", "")), body.get("scope")
    if scope not in SCOPES:
        raise wrong(f"scope is one of {', '.join(SCOPES)}, got {scope!r}.")
    try:
        state.quota.move(usage_name, scope)
    except KeyError:
        sentence = f"No subscription has a pool {usage_name!r}; GET /_sim/state lists them."
        raise wrong(sentence) from None
    state.save()
    return json_response({"value": limit_rows(state)})


async def _plan_upgrade(call: Call) -> Response:
    """A subscription moves up one tier, at once or at a moment of the clock."""
    state, body = call.state, call.json()
    subscription, limits = _known_subscription(state, body), body.get("limits", {})
    if not isinstance(limits, dict):
        raise wrong("limits is an object of usage name to units.")
    try:
        at = parse_time(str(body["at"])) if "at" in body else state.clock.now()
        said = {str(name): _units(limits, name) for name in limits}
        state.tiers.plan(TierUpgrade(subscription, at, said))
    except ValueError as problem:
        raise wrong(str(problem)) from None
    state.save()
    return json_response({"value": limit_rows(state)})


async def _set_service_capacity(call: Call) -> Response:
    """What a region has of a SKU; without ``units`` there is no end to it again."""
    state, body = call.state, call.json()
    region, sku = region_of(str(body.get("region", ""))), str(body.get("sku", ""))
    if not region or not sku:
        raise wrong("Service capacity needs region, sku and units; null units are no limit.")
    units = None if body.get("units") is None else _units(body, "units")
    state.service_capacity.put(region, sku, units)
    state.save()
    return json_response({"value": state.service_capacity.as_json()})


QUOTA_CONTROLS = (
    Route("POST", "/_sim/limits", _set_limit),
    Route("POST", "/_sim/quota-scope", _move_quota),
    Route("POST", "/_sim/tier-upgrades", _plan_upgrade),
    Route("POST", "/_sim/service-capacity", _set_service_capacity),
)
