"""What an accepted write does to the world: at once, or at the beginning and end of an operation.

While an operation runs the old capacity stays in force; quota is held for the larger of the old and
the requested one. A failed operation leaves a deployment ``Failed`` with its old settings (none in
force for one that was to be created); the next write that succeeds heals it. A failed deletion of
an account changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from simulator.operations import FAILED, SUCCEEDED, Operation
from simulator.resources import DeletedAccount
from simulator.resources_file import read_row, row_of
from simulator.state import State
from simulator.world import Deployment

CREATE, UPDATE, DELETE = "create", "update", "delete"
DELETE_ACCOUNT, RESTORE_ACCOUNT, PURGE_ACCOUNT = (
    "delete account", "restore account", "purge account",
)  # fmt: skip
_STATE_WHILE_RUNNING = {CREATE: "Creating", UPDATE: "Accepted", DELETE: "Deleting"}
_WRITABLE = ("model", "sku", "spillover_deployment_name", "tags", "properties", "traffic")


@dataclass(frozen=True)
class Write:
    """``wanted`` is the deployment as it shall be (for a deletion: as it was), with ``units``."""

    action: str
    account: str
    wanted: Deployment | None = None
    units: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What an operation keeps."""
        row = None if self.wanted is None else row_of(self.wanted, {})
        return {"action": self.action, "account": self.account, "row": row, "units": self.units}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Write:
        """The inverse of :meth:`as_json`."""
        wanted = None if stored["row"] is None else read_row(stored["row"], {})
        return cls(stored["action"], stored["account"], wanted, stored["units"])


def begin(state: State, write: Write, at: datetime) -> None:
    """What is seen while the operation runs: a new deployment without capacity, or a state."""
    if write.wanted is None:
        return
    shown = _STATE_WHILE_RUNNING[write.action]
    if write.action == CREATE:
        state.resources.add(replace(write.wanted, provisioning_state=shown), 0, at)
    else:
        state.resources.change(write.wanted, at, provisioning_state=shown)


def finish(state: State, write: Write, at: datetime) -> None:
    """The write is in force from ``at`` on. It may have been begun, or come at once."""
    resources = state.resources
    if write.wanted is None:
        _finish_account(state, write, at)
        return
    living = resources.deployment(write.wanted.account, write.wanted.name)
    if write.action == DELETE:
        if living is not None:
            resources.delete(living, at)
    elif living is None:
        resources.add(write.wanted, write.units or 0, at)
    else:
        fields = {name: getattr(write.wanted, name) for name in _WRITABLE}
        resources.change(living, at, units=write.units, provisioning_state=SUCCEEDED, **fields)


def _finish_account(state: State, write: Write, at: datetime) -> None:
    if write.action == DELETE_ACCOUNT:
        account = state.account(write.account)
        if account is not None:
            state.resources.delete_account(account, at)
        return
    gone = deleted_account(state, write.account, at)
    if gone is not None and write.action == RESTORE_ACCOUNT:
        state.resources.restore_account(gone, at)
    elif gone is not None:
        state.resources.purge_account(gone)


def deleted_account(
    state: State, account_id: str, at: datetime | None = None
) -> DeletedAccount | None:
    """The deleted account of an ARM id, while it is kept; ``at`` is now unless said."""
    wanted = account_id.lower()
    kept = state.resources.deleted(at or state.clock.now())
    return next((each for each in kept if each.account.id.lower() == wanted), None)


def settle(state: State) -> None:
    """End each operation whose time has come, at the time it had to end. For every request."""
    now = state.clock.now().timestamp()
    due = [each for each in state.operations.running() if each.is_due(now)]
    for operation in due:
        _end(state, operation)
    if due:
        state.save()


def _end(state: State, operation: Operation) -> None:
    at = datetime.fromtimestamp(operation.ends_at, UTC)
    write = Write.from_json(operation.write)
    operation.ended_at = operation.ends_at
    if operation.error is None:
        operation.status = SUCCEEDED
        finish(state, write, at)
        return
    operation.status = FAILED
    if write.wanted is not None:
        living = state.deployment(write.wanted.account, write.wanted.name)
        if living is not None:
            state.resources.change(living, at, provisioning_state=FAILED)
