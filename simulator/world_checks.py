"""Rules that a world must keep as a whole, and the error a wrong world file is refused with."""

from __future__ import annotations

from simulator.scopes import SCOPES, place_of
from simulator.tiers import level_of
from simulator.world import World


class WorldError(Exception):
    """The world file cannot be used; the message is a sentence for a person."""


def check_world(world: World) -> None:
    """Raises WorldError when names collide, a pool has no limit or a spill-over leads nowhere."""
    _check_names(world)
    _check_tiers(world)
    _check_scopes(world)
    _check_pools(world)
    _check_spillover(world)


def _check_names(world: World) -> None:
    for kind, names in (
        ("account", [account.name.lower() for account in world.accounts]),
        ("deployment", [each.key for each in world.deployments]),
        ("limit", [" ".join(row.pool) for row in world.limits]),
    ):
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise WorldError(f"The {kind} {sorted(twice)[0]} is there twice.")


def _check_tiers(world: World) -> None:
    for each in world.subscriptions:
        if level_of(each.quota_tier) is None:
            raise WorldError(
                f"subscriptions[].quota_tier: {each.quota_tier!r}; choose Free Tier or Tier 1 to 6."
            )


def _check_scopes(world: World) -> None:
    with_a_limit = {row.usage_name.lower() for row in world.limits}
    for usage_name, scope in world.quota_scopes.items():
        if scope not in SCOPES:
            raise WorldError(
                f"quota_scopes.{usage_name}: {scope!r}; choose one of {', '.join(SCOPES)}."
            )
        if usage_name.lower() not in with_a_limit:
            raise WorldError(f"quota_scopes.{usage_name}: limits has none of that name.")


def _check_pools(world: World) -> None:
    pools = {row.pool for row in world.limits}
    scopes = {name.lower(): scope for name, scope in world.quota_scopes.items()}
    for each in world.deployments:
        subscription, region, usage_name = each.pool
        shared = (subscription, place_of(scopes.get(usage_name), region), usage_name)
        if each.pool not in pools and shared not in pools:
            raise WorldError(
                f"limits: none for {each.sku.usage_name} in {each.region} of subscription "
                f"{each.subscription}, which {each.key} draws from."
            )


def _check_spillover(world: World) -> None:
    by_key = {each.key: each for each in world.deployments}
    for each in world.deployments:
        if each.spill_target is None:
            continue
        target = by_key.get(each.spill_target)
        if target is None:
            raise WorldError(f"{each.key}: its spill-over deployment is not in the same account.")
        if not each.sku.is_provisioned or target.sku.is_provisioned:
            raise WorldError(
                f"{each.key}: only a provisioned deployment spills, onto a standard one."
            )
        if target.model != each.model:
            raise WorldError(f"{each.key}: the spill-over deployment has another model or version.")
