"""Writes that Azure has accepted and not yet, or lately, finished. They survive a restart.

How long one takes is measured on the simulator's clock, so that ``endTime``, metrics and capacity
history agree and a jump of the clock ends what would have ended meanwhile. A frozen clock stands
still: then a test ends an operation by advancing it, or lets it end after so many polls (the knob
``operation_polls``) without any clock.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from simulator.resources_file import read_row
from simulator.world import Deployment

IN_PROGRESS, SUCCEEDED, FAILED = "InProgress", "Succeeded", "Failed"
_KEPT = 500


@dataclass
class Operation:
    """One accepted write. Times are epoch seconds of the simulator's clock.

    ``write`` is the JSON of a :class:`simulator.writes.Write`; ``error`` the end it will have,
    None for success; ``verb`` and ``form`` are how it was asked for and first answered.
    """

    account: str
    deployment: str
    location: str
    verb: str
    form: str
    write: dict[str, Any]
    started_at: float
    ends_at: float
    polls_left: int = 0
    error: dict[str, Any] | None = None
    id: str = ""
    status: str = IN_PROGRESS
    ended_at: float | None = None

    @property
    def requested_units(self) -> int | None:
        """The capacity asked for; None when none was."""
        units: int | None = self.write["units"]
        return units

    def poll(self, now: float) -> bool:
        """One more look at it while it runs; the end is never before the last look it needs.

        Whether that changed anything.
        """
        if not self.polls_left:
            return False
        self.polls_left -= 1
        self.ends_at = max(self.ends_at, now)
        return True

    def is_due(self, now: float) -> bool:
        """Whether it must end by now."""
        return self.status == IN_PROGRESS and not self.polls_left and self.ends_at <= now


class Operations:
    """All operations, and the failures planned for the next ones."""

    def __init__(self, stored: dict[str, Any]) -> None:
        self._all = {row["id"]: Operation(**row) for row in stored.get("all", [])}
        self.failures: list[dict[str, Any]] = list(stored.get("failures", []))
        self._count: int = stored.get("count", 0)

    def as_json(self) -> dict[str, Any]:
        """The constructor takes it back."""
        rows = [dict(vars(each)) for each in self._all.values()]
        return {"all": rows, "failures": self.failures, "count": self._count}

    def add(self, operation: Operation) -> None:
        """Begin, with an id that the same calls at the same times would get again.

        The oldest finished ones are forgotten.
        """
        self._count += 1
        name = f"{operation.account}|{operation.started_at}|{self._count}"
        operation.id = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        self._all[operation.id] = operation
        finished = [key for key, each in self._all.items() if each.status != IN_PROGRESS]
        for key in finished[: max(len(self._all) - _KEPT, 0)]:
            del self._all[key]

    def get(self, operation_id: str) -> Operation | None:
        """The operation of that id."""
        return self._all.get(operation_id.lower())

    def running(self) -> list[Operation]:
        """Those under way, the one that ends first in front."""
        found = [each for each in self._all.values() if each.status == IN_PROGRESS]
        return sorted(found, key=lambda each: each.ends_at)

    def wanted(self) -> list[tuple[Deployment, int]]:
        """What the running ones ask for: a deployment and its units."""
        return [
            (read_row(each.write["row"], {}), each.requested_units)
            for each in self.running()
            if each.requested_units is not None
        ]

    def running_in(self, account_id: str) -> Operation | None:
        """The one under way in an account; there is at most one."""
        wanted = account_id.lower()
        return next((each for each in self.running() if each.account.lower() == wanted), None)

    def running_on(self, account_id: str, deployment: str) -> Operation | None:
        """The one under way on a deployment."""
        found = self.running_in(account_id)
        return found if found and found.deployment.lower() == deployment.lower() else None
