"""What a simulated Azure has done, told by itself and by nobody else: was anything lost, did it
ever have, or was it ever asked for, more than there is.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from portal.management.clocks import SimulatedAzure

Steps = list[tuple[datetime, str, int]]  # (when, deployment, units), the first ones at EVER
EVER = datetime.min.replace(tzinfo=UTC)


class Judge:
    """Keeps the log of writes, of which Azure forgets what is older than 5,000 requests."""

    def __init__(self, azure: SimulatedAzure) -> None:
        self.azure = azure
        self.writes: list[dict[str, Any]] = []
        self.last = 0
        self.listen()

    def listen(self) -> None:
        """To be called before another 5,000 requests are made."""
        new = self.azure.get("/log", since=self.last, match="^PATCH .*/deployments/")
        self.writes += new
        self.last = new[-1]["n"] if new else self.last

    def verdict(self, wanted: dict[str, int], *, most: int = 0) -> dict[str, int]:
        """`wanted`: units by resource id in lower case.

        `lost` are deployments that have something else. `over_applied` counts moments at which a
        pool had more than its limit, steps to more than `wanted` (or than `most`, where that is
        more), and writes that Azure refused for want of quota. `writes` are those that Azure took.
        """
        self.listen()
        state = self.azure.get("/state")
        steps = steps_of(state)
        has = {deployment: units for _, deployment, units in steps}
        limits = {row["subscription"]: row["limit"] for row in state["limits"]}
        too_much = [at for at, key, units in steps if at > EVER and units > max(wanted[key], most)]
        return {
            "lost": sum(has.get(key) != units for key, units in wanted.items()),
            "over_applied": moments_above(steps, limits) + len(too_much) + self._without_room(),
            "writes": sum(entry["status"] < 300 for entry in self.writes),
        }

    def refused(self) -> list[tuple[datetime, str]]:
        """When a write was refused, and of which deployment, by its id in lower case."""
        return [
            (_moment(entry["at"]), entry["path"].partition("?")[0].lower())
            for entry in self.writes
            if entry["status"] >= 400
        ]

    def _without_room(self) -> int:
        return sum(entry["status"] == 400 for entry in self.writes)


def steps_of(state: dict[str, Any]) -> Steps:
    """All capacities that ever were in force, in the order of time."""
    found: Steps = [
        (
            _moment(step["at"]),
            f"{account['id']}/deployments/{row['name']}".lower(),
            step["capacity"],
        )
        for account in state["accounts"]
        for row in account["deployments"]
        for step in row["capacity_history"]
    ]
    return sorted(found, key=lambda step: step[0])


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else EVER


def moments_above(steps: Steps, limits: dict[str, int]) -> int:
    """How often a subscription had more than its limit; each has one pool."""
    has: dict[str, dict[str, int]] = defaultdict(dict)
    found = 0
    for at, key, units in steps:
        subscription = key.split("/")[2]
        has[subscription][key] = units
        found += at > EVER and sum(has[subscription].values()) > limits[subscription]
    return found
