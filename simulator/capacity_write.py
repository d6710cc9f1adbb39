"""Which capacities Azure accepts, and one write at a time. ARM and the control API share them."""

from __future__ import annotations

from typing import Any

from simulator.models_catalogue import quota_label_of
from simulator.service_refusal import check_service_capacity
from simulator.state import State
from simulator.web import ArmError
from simulator.world import Account, Deployment

_OPAQUE = "An error occurred. Please reach out to support for additional assistance."


def invalid(message: str) -> ArmError:
    """The refusal of a property's value."""
    return ArmError(400, "InvalidResourceProperties", message)


def check_not_busy(state: State, account: Account) -> None:
    """Raises ArmError 409 while another write of the same account is under way."""
    if account.id in state.busy_accounts or state.operations.running_in(account.id):
        raise ArmError(
            409, "RequestConflict",
            "Another operation is being performed on the parent resource "
            f"'{account.id}'. Please try again later.",
        )  # fmt: skip


def whole_number(value: Any, default: int) -> int:
    """A capacity as clients send it, also as text or 50.0; ``default`` for none.

    Raises ArmError 400 for anything else.
    """
    if value is None:
        return default
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"The capacity '{value}' of account deployment is not a whole number.")
    return value


def check_capacity(state: State, wanted: Deployment, units: int, old: Deployment | None) -> None:
    """Raises ArmError 400 when the SKU does not allow ``units`` or pool or Azure have no room."""
    problem = wanted.sku.capacity.problem(units)
    if problem:
        raise invalid(
            f"The capacity '{units}' of account deployment with SKU '{wanted.sku.name}' {problem}."
        )
    _check_quota(state, wanted, units, old)
    check_service_capacity(state, wanted, units, old)


def _check_quota(state: State, wanted: Deployment, units: int, old: Deployment | None) -> None:
    """A shrink always fits; a grow must fit into what the pool has left."""
    quota, pool = state.quota, wanted.pool
    same_pool = old is not None and quota.pool(old.pool) == quota.pool(pool)
    more = units - (state.capacity(old) if old is not None and same_pool else 0)
    usage, limit = quota.allocated(pool), quota.limit(pool)
    available = max(limit - usage, 0)
    if more <= available or (same_pool and more <= 0):
        return
    if state.knobs.quota_refusal == "715-123420":
        raise ArmError(400, "715-123420", _OPAQUE)
    label = quota_label_of(wanted.sku.usage_name)
    # "require" as Azure writes it.
    raise ArmError(
        400, "InsufficientQuota",
        f"This operation require {more} new capacity in quota {label}, which is bigger than the "
        f"current available capacity {available}. The current quota usage is {usage} and the quota "
        f"limit is {limit} for quota {label}.",
    )  # fmt: skip
