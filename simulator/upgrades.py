"""Deployments follow the retirements of their models without anyone acting.

Called before each request is answered: what came due on the clock since the last one is carried
out at the moment it was due, so metrics of a window have both versions.
"""

from __future__ import annotations

from datetime import UTC, datetime

from simulator.lifecycle import DEFAULT_UPGRADE_OPTION
from simulator.models_catalogue import Model, ModelSku, find_model
from simulator.operations import SUCCEEDED
from simulator.state import State
from simulator.world import Deployment
from simulator.world_traffic import NO_TRAFFIC


def catch_up(state: State) -> None:
    """Upgrade or disable what is due by now; saved when anything changed."""
    if not state.lifecycles.plans:
        return
    now, changed = state.clock.now(), False
    for deployment in state.world.deployments:
        changed |= _follow(state, deployment, now)
    if changed:
        state.save()


def _follow(state: State, deployment: Deployment, now: datetime) -> bool:
    """One deployment through as many retirements as have passed; True when it changed."""
    seen: set[tuple[str, str]] = set()
    current = deployment
    while current.model.key not in seen:
        seen.add(current.model.key)
        moved = _upgraded(state, current, now)
        if moved is None:
            return _disabled(state, current, now) or current is not deployment
        current = moved
    return current is not deployment


def _upgraded(state: State, deployment: Deployment, now: datetime) -> Deployment | None:
    plan = state.lifecycles.plan(deployment.model)
    due = None if plan is None else plan.upgrade_at(upgrade_option(deployment))
    if plan is None or due is None or due > now or plan.replacement is None:
        return None
    target = _target(plan.replacement, deployment)
    if target is None:
        return None
    at = max(due, _last_change(state, deployment))
    return state.resources.change(deployment, at, model=target[0], sku=target[1])


def _target(replacement: tuple[str, str], deployment: Deployment) -> tuple[Model, ModelSku] | None:
    """The replacement in the deployment's own SKU; None when it is not sold so."""
    model = find_model(*replacement)
    sku = None if model is None else model.sku(deployment.sku.name)
    return None if model is None or sku is None else (model, sku)


def _disabled(state: State, deployment: Deployment, now: datetime) -> bool:
    date = state.lifecycles.retired_at(deployment.model)
    if date is None or date > now or deployment.provisioning_state != SUCCEEDED:
        return False
    at = max(date, _last_change(state, deployment))
    fields = {"traffic": NO_TRAFFIC, "provisioning_state": "Disabled"}
    state.resources.change(deployment, at, **fields)
    return True


def _last_change(state: State, deployment: Deployment) -> datetime:
    """No change is put before one that has been seen already."""
    started = state.resources.steps(deployment)[-1][0]
    return datetime.fromtimestamp(max(started, 0.0), UTC)


def upgrade_option(deployment: Deployment) -> str:
    """``versionUpgradeOption``; Azure's default where nobody chose."""
    return str(deployment.properties.get("versionUpgradeOption") or DEFAULT_UPGRADE_OPTION)
