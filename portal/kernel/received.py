"""How much of what was due has arrived: the one way to say that a total is incomplete. Pure.

A sum of what came is the least that it may have been: `≥`. Where nothing is missing, nothing is
said.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from portal.kernel import formatting
from portal.kernel.shown import Shown, not_known


@dataclass(frozen=True)
class Received:
    """Minutes of a deployment (or of several together): those that came, and those that were due.

    A minute is due once it must have arrived; one that is still on its way is in neither number.
    """

    minutes: int = 0
    due: int = 0

    def __add__(self, other: Self) -> "Received":
        return Received(self.minutes + other.minutes, self.due + other.due)

    @property
    def missing(self) -> int:
        return max(0, self.due - self.minutes)

    @property
    def is_incomplete(self) -> bool:
        return self.missing > 0

    @property
    def share(self) -> Decimal | None:
        """The fraction that came, 0 to 1; None where nothing was due."""
        return Decimal(self.due - self.missing) / Decimal(self.due) if self.due else None

    @property
    def words(self) -> Shown | None:
        """`3.4 % of the minutes missing`; None where nothing is."""
        return formatting.missing(self.share) if self.is_incomplete else None

    def at_least(self, shown: Shown) -> Shown:
        """A sum over these minutes: as it is, or `≥ 1.2M` with what is missing on hover."""
        if not self.is_incomplete or shown == not_known():
            return shown
        exact = f"{shown.exact or shown}; {self.words}"
        return Shown(f"≥{formatting.NARROW_SPACE}{shown}", exact=exact, value=shown.value)
