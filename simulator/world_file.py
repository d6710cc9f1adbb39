"""Reads a world from JSON and refuses a wrong one with a sentence that names the place.

Times may be relative (``now-3d``); they count from the moment the world is first loaded, floored to
the hour, and :func:`resolve_times` fixes them, so that a restart means the same world.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from simulator.clock import iso, parse_relative_time
from simulator.gateway_file import read_gateways
from simulator.lifecycle import Plan
from simulator.plan_file import read_plan
from simulator.world import Limit, Subscription, TierUpgrade, World
from simulator.world_accounts import read_account
from simulator.world_checks import WorldError, check_world
from simulator.world_fields import known_subscription, moment, region_of, rows, text, whole_number

_TIME_FIELDS = {
    "created_at", "from", "until", "start", "at", "retires_at", "upgrade_from", "listed_until",
}  # fmt: skip


def resolve_times(node: Any, now: datetime) -> Any:
    """A copy of the JSON in which every relative time is absolute."""
    if isinstance(node, list):
        return [resolve_times(each, now) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _resolved(key, value, now) for key, value in node.items()}


def _resolved(key: str, value: Any, now: datetime) -> Any:
    if key not in _TIME_FIELDS or not isinstance(value, str):
        return resolve_times(value, now)
    try:
        return iso(parse_relative_time(value, now))
    except ValueError as problem:
        raise WorldError(f"{key}: {problem}") from None


def read_world(raw: dict[str, Any], loaded_at: datetime, has_file: Callable[[str], bool]) -> World:
    """The checked world. ``has_file`` says whether a trace of that name is at hand.

    Raises WorldError; its message names the path of the first wrong entry.
    """
    subscriptions = tuple(_subscription(row) for row in rows(raw, "subscriptions"))
    if not subscriptions:
        raise WorldError("subscriptions: a world needs at least one.")
    known = {each.id.lower() for each in subscriptions}
    accounts = tuple(
        read_account(row, f"accounts[{n}]", known, loaded_at, has_file)
        for n, row in enumerate(rows(raw, "accounts"))
    )
    world = World(
        name=str(raw.get("name", "unnamed")),
        seed=whole_number(raw, "seed", "world", minimum=0),
        loaded_at=loaded_at,
        subscriptions=subscriptions,
        limits=tuple(
            _limit(row, f"limits[{n}]", known) for n, row in enumerate(rows(raw, "limits"))
        ),
        accounts=accounts,
        plans=tuple(_plan(row, f"models[{n}]") for n, row in enumerate(rows(raw, "models"))),
        extra_regions=_regions(raw),
        quota_scopes=_quota_scopes(raw),
        tier_upgrades=tuple(
            _tier_upgrade(row, f"tier_upgrades[{n}]", known)
            for n, row in enumerate(rows(raw, "tier_upgrades"))
        ),
        service_capacity=dict(
            _service_capacity(row, f"service_capacity[{n}]")
            for n, row in enumerate(rows(raw, "service_capacity"))
        ),
        gateways=read_gateways(
            raw, known, {each.key for account in accounts for each in account.deployments}
        ),
    )
    check_world(world)
    return world


def _subscription(row: dict[str, Any]) -> Subscription:
    identifier = text(row, "id", "subscriptions[]")
    return Subscription(
        id=identifier,
        name=str(row.get("name", identifier)),
        quota_tier=str(row.get("quota_tier", "Tier 1")),
    )


def _limit(row: dict[str, Any], where: str, known: set[str]) -> Limit:
    return Limit(
        subscription=known_subscription(row, where, known),
        region=region_of(text(row, "region", where)),
        usage_name=text(row, "usage_name", where),
        limit=whole_number(row, "limit", where, minimum=0),
    )


def _quota_scopes(raw: dict[str, Any]) -> dict[str, str]:
    scopes = raw.get("quota_scopes", {})
    if not isinstance(scopes, dict):
        raise WorldError("quota_scopes: expected an object of usage name to scope.")
    return {str(name): str(scope) for name, scope in scopes.items()}


def _tier_upgrade(row: dict[str, Any], where: str, known: set[str]) -> TierUpgrade:
    limits = row.get("limits", {})
    if not isinstance(limits, dict):
        raise WorldError(f"{where}.limits: expected an object of usage name to units.")
    return TierUpgrade(
        subscription=known_subscription(row, where, known),
        at=moment(row, "at", where),
        limits={name: whole_number(limits, name, f"{where}.limits", 0) for name in limits},
    )


def _service_capacity(row: dict[str, Any], where: str) -> tuple[tuple[str, str], int]:
    """((region, SKU), units)."""
    place = region_of(text(row, "region", where)), text(row, "sku", where)
    return place, whole_number(row, "units", where, minimum=0)


def _plan(row: dict[str, Any], where: str) -> Plan:
    try:
        return read_plan(row)
    except ValueError as problem:
        raise WorldError(f"{where}.{problem}") from None


def _regions(raw: dict[str, Any]) -> frozenset[str]:
    regions = raw.get("regions", [])
    if not isinstance(regions, list) or not all(isinstance(each, str) for each in regions):
        raise WorldError("regions: expected a list of region names.")
    return frozenset(map(region_of, regions))
