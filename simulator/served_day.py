"""What became of one UTC day of a deployment's requests, by minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.hashing import Floats, Ints


@dataclass(frozen=True, order=True)
class Cell:
    """One combination of what the request metrics tell apart.

    ``spilled_away``: a 429 of a provisioned deployment whose request went on to the spill-over
    deployment; sources disagree whether Azure counts it there.
    """

    status: int
    is_spillover: bool = False
    is_streaming: bool = False
    is_priority: bool = False
    spilled_away: bool = False


@dataclass(frozen=True)
class ServedDay:
    """Arrays of 1440 minutes. A cell has its attempts; cells without any are left out.

    Token sums are those of requests with status 200, own and spilled. ``load`` is the share of the
    limit in use, 0 to 1; ``utilisation`` (per cent) is None but for provisioned deployments;
    ``exists`` says whether the deployment was there.
    """

    attempts: dict[Cell, Ints]
    prompt: Ints
    generated: Ints
    cached: Ints
    cache_percent: Floats
    load: Floats
    exists: Ints
    utilisation: Floats | None = None

    def total(self, status: int | None = None, **wanted: bool) -> Ints:
        """Attempts of the cells with that status (any when None) and these other values."""
        found = np.zeros_like(self.prompt)
        for cell, attempts in self.attempts.items():
            same = all(getattr(cell, name) == value for name, value in wanted.items())
            if same and status in (None, cell.status):
                found = found + attempts
        return found

    @property
    def nbytes(self) -> int:
        """Memory held by the arrays."""
        rows = (self.prompt, self.generated, self.cached, self.cache_percent, self.load)
        return sum(row.nbytes for row in (*rows, self.exists, *self.attempts.values())) + (
            0 if self.utilisation is None else self.utilisation.nbytes
        )

    def frozen(self) -> ServedDay:
        """The same, its arrays read-only since it is shared."""
        arrays = [each for each in vars(self).values() if isinstance(each, np.ndarray)]
        for array in (*arrays, *self.attempts.values()):
            array.flags.writeable = False
        return self
