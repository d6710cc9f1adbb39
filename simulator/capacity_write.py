"""Which capacity writes Azure accepts. The ARM plane and the control API share these rules."""

from __future__ import annotations

from typing import Any

from simulator.models_catalogue import quota_label_of
from simulator.service_refusal import check_service_capacity
from simulator.state import State
from simulator.web import ArmError
from simulator.world import Account, Deployment


def check_not_busy(state: State, account: Account) -> None:
    """Raises ArmError 409 while another write of the same account is under way."""
    if account.id in state.busy_accounts:
        raise ArmError(
            409, "RequestConflict",
            "Another operation is being performed on the parent resource "
            f"'{account.id}'. Please try again later.",
        )  # fmt: skip


def checked_capacity(state: State, deployment: Deployment, body: dict[str, Any]) -> int | None:
    """The capacity a PATCH body asks for; None when it asks for no change of scale.

    Raises ArmError 400 for a body Azure would refuse and for a pool without room.
    """
    _check_properties(deployment, body.get("properties"))
    sku = body.get("sku")
    if sku is None:
        return None
    if not isinstance(sku, dict) or not isinstance(sku.get("name"), str):
        raise _invalid("The property 'sku.name' of account deployment is required.")
    if sku["name"].lower() != deployment.sku.name.lower():
        raise _invalid(
            f"The SKU of account deployment '{deployment.name}' cannot be changed from "
            f"'{deployment.sku.name}' to '{sku['name']}'."
        )
    if sku.get("capacity") is None:
        return None
    check_capacity(state, deployment, sku["capacity"])
    return int(sku["capacity"])


def check_capacity(state: State, deployment: Deployment, capacity: Any) -> None:
    """Raises ArmError 400 when the SKU forbids ``capacity`` or pool or Azure has no room."""
    if not isinstance(capacity, int) or isinstance(capacity, bool):
        raise _invalid(f"The capacity '{capacity}' of account deployment is not a whole number.")
    problem = deployment.sku.capacity.problem(capacity)
    if problem:
        raise _invalid(
            f"The capacity '{capacity}' of account deployment with SKU '{deployment.sku.name}' "
            f"{problem}."
        )
    _check_quota(state, deployment, capacity)
    check_service_capacity(state, deployment, capacity - state.capacity(deployment))


def _check_quota(state: State, deployment: Deployment, capacity: int) -> None:
    """A shrink always fits; a grow must fit into what the pool has left."""
    more = capacity - state.capacity(deployment)
    quota = state.quota
    usage, limit = quota.allocated(deployment.pool), quota.limit(deployment.pool)
    available = max(limit - usage, 0)
    if more <= available:
        return
    label = quota_label_of(deployment.sku.usage_name)
    # "require" as Azure writes it.
    raise ArmError(
        400, "InsufficientQuota",
        f"This operation require {more} new capacity in quota {label}, which is bigger than the "
        f"current available capacity {available}. The current quota usage is {usage} and the quota "
        f"limit is {limit} for quota {label}.",
    )  # fmt: skip


def _check_properties(deployment: Deployment, properties: Any) -> None:
    if not isinstance(properties, dict):
        return
    if properties.get("scaleSettings") is not None:
        raise _invalid(
            "scale settings of account deployment is deprecated since API version '2023-05-01', "
            "please use 'sku' instead"
        )
    model = properties.get("model")
    if not isinstance(model, dict):
        return
    asked = (model.get("name"), model.get("version"))
    if asked != (deployment.model.name, deployment.model.version):
        raise _invalid(
            f"Cannot change capacity and model at the same time for deployment '{deployment.name}'."
        )


def _invalid(message: str) -> ArmError:
    return ArmError(400, "InvalidResourceProperties", message)
