"""How much each service may use of a deployment that several of them call. Pure.

What a service holds in the ledger is its own. What the deployment's own service holds there, or
nobody, is for all who call it: the split rule in force divides it. So a burst of a service raises
its limit alone, and a burst of the deployment's own raises everybody's.

The limits together are never more than Azure has deployed: where it has less than the ledger wants,
what has been there longest comes first, so a burst that is not up yet takes nothing from others.
In a freeze no limit grows: it is what it was when the freeze began, less what has ended since.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.kernel.windows import FOREVER, Window

WHOLE = 10_000  # basis points
MOST_TOKENS = 2**31 - 1  # a whole number of 32 bits, as the policy takes it


@dataclass(frozen=True)
class Held:
    """An entry of the ledger on the deployment. A reversal has negative units and the `root`,
    `is_steady` and `began_at` of the entry that it takes back.
    """

    root: int
    service_id: int | None
    units: int
    window: Window
    is_steady: bool  # adopted or baseline: no end by nature
    began_at: datetime


@dataclass(frozen=True)
class Shares:
    """A split rule: basis points by service, over its window."""

    window: Window
    basis_points: Mapping[int, int]


@dataclass(frozen=True)
class Book:
    """All that limits follow from, whenever asked. `holder_id`: the deployment's own service."""

    held: Sequence[Held]
    shares: Sequence[Shares]
    holder_id: int | None
    tokens_per_unit: int

    def limits(
        self, at: datetime, *, deployed_units: int | None, frozen_since: datetime | None = None
    ) -> dict[int, int]:
        """Tokens per minute by service; none of a service that has nothing.

        `deployed_units`: as Azure has it now; None of a time to come, when it has what the ledger
        wants. Rounded down, so the sum is at most what is deployed.
        """
        shares = self._shares_at(frozen_since or at)
        own: dict[int, int] = defaultdict(int)
        common = 0
        for service, units in self._there(at, deployed_units, frozen_since):
            if service is None or (service == self.holder_id and shares):
                common += units
            else:
                own[service] += units
        found = {
            service: own[service] * self.tokens_per_unit
            + common * self.tokens_per_unit * shares.get(service, 0) // WHOLE
            for service in own.keys() | shares.keys()
        }
        return {key: min(found[key], MOST_TOKENS) for key in sorted(found) if found[key] > 0}

    def next_of(self, at: datetime) -> dict[int, tuple[datetime, int]]:
        """By service: when its limit will next be another, and what it will be (0: none). Services
        whose limit stays are left out.
        """
        before = self.limits(at, deployed_units=None)
        found: dict[int, tuple[datetime, int]] = {}
        for moment in self.moments_after(at):
            then = self.limits(moment, deployed_units=None)
            for service in before.keys() | then.keys():
                if service not in found and then.get(service, 0) != before.get(service, 0):
                    found[service] = (moment, then.get(service, 0))
        return found

    def moments_after(self, at: datetime) -> list[datetime]:
        """Between two of them no limit changes."""
        windows = [*(each.window for each in self.held), *(each.window for each in self.shares)]
        return sorted(
            {m for window in windows for m in (window.start, window.end) if at < m < FOREVER}
        )

    def _shares_at(self, at: datetime) -> Mapping[int, int]:
        return next((each.basis_points for each in self.shares if at in each.window), {})

    def _there(
        self, at: datetime, deployed_units: int | None, frozen_since: datetime | None
    ) -> Iterator[tuple[int | None, int]]:
        """(service, units) that Azure has of each entry; what has been held longest first."""
        left = deployed_units
        for root, net in _net(self.held, at, frozen_since):
            units = net if left is None else min(net, left)
            left = None if left is None else left - units
            if units > 0:
                yield root.service_id, units


def _net(
    held: Iterable[Held], at: datetime, frozen_since: datetime | None
) -> list[tuple[Held, int]]:
    """Each entry with what is left of it; baselines before bursts, the oldest first."""
    rows = [each for each in held if _counts(each, at, frozen_since)]
    left: dict[int, int] = defaultdict(int)
    for each in rows:
        left[each.root] += each.units
    roots = [each for each in rows if each.units > 0]
    order = sorted(roots, key=lambda each: (not each.is_steady, each.began_at, each.root))
    return [(each, left[each.root]) for each in order if left[each.root] > 0]


def _counts(each: Held, at: datetime, frozen_since: datetime | None) -> bool:
    """In force; in a freeze, of baselines the instant before it began, of bursts since before."""
    if frozen_since is None:
        return at in each.window
    if each.is_steady:
        return each.window.start < frozen_since <= each.window.end
    return at in each.window and each.began_at < frozen_since
