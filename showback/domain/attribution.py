"""Whose use was it? One hour of a deployment, given to services so that the parts sum to it.

The service that held the deployment in that hour used it. Where several did, by what each held: the
metrics know no caller. Where nobody is known to have held it (hours before its adoption, or while
it was unmapped), the service that it is mapped to now. Else it stays unattributed: service None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from showback.domain.split import split_whole


@dataclass(frozen=True)
class Share:
    service_id: int | None
    weight: int
    method: str  # a value of showback.models.Attribution


@dataclass(frozen=True)
class Use:
    """Counts of one hour. `uncached` + `cached` = prompt tokens; `cached` is an estimate."""

    ok: int = 0
    throttled: int = 0
    other: int = 0
    spilled: int = 0
    uncached: int = 0
    cached: int = 0
    generated: int = 0

    @property
    def prompt(self) -> int:
        return self.uncached + self.cached

    def __add__(self, other: "Use") -> "Use":
        return Use(
            self.ok + other.ok,
            self.throttled + other.throttled,
            self.other + other.other,
            self.spilled + other.spilled,
            self.uncached + other.uncached,
            self.cached + other.cached,
            self.generated + other.generated,
        )


def shares_of(held: Mapping[int | None, int], mapped: int | None) -> list[Share]:
    """`held` is unit-seconds by service. Never empty; weights are positive."""
    holders = sorted((s, amount) for s, amount in held.items() if s is not None and amount > 0)
    if len(holders) == 1:
        return [Share(holders[0][0], 1, "holder")]
    if holders:
        return [Share(service, amount, "held_share") for service, amount in holders]
    return [Share(mapped, 1, "none" if mapped is None else "mapping")]


def split_use(use: Use, shares: list[Share]) -> list[Use]:
    """One part for each share; every count sums to the whole's."""
    if len(shares) == 1:
        return [use]
    weights = [share.weight for share in shares]
    columns = [split_whole(getattr(use, f.name), weights) for f in fields(Use)]
    return [Use(*parts) for parts in zip(*columns, strict=True)]
