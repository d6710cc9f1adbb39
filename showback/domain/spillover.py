"""Refusals that nobody met: the deployment a provisioned one spills onto answered them. Pure.

A spilled request counts twice in Azure's metrics: as 429 where it was refused, and as answered,
with IsSpillover, where it was served. Source: Azure's documentation of spillover traffic
management. `docs/algorithms/throttling.md` has the rule.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import MISSING

Ints = NDArray[np.int64]


def refused_to_callers(refused: Sequence[Ints], spilled: Ints) -> list[Ints]:
    """Of each deployment that spills onto the same one, the refusals that its callers met.

    One element a minute; `spilled` requests were served by the target. Several divide them by what
    each refused in that minute, in whole requests that sum to it. A gap of `refused` stays one; a
    gap of `spilled` tells of nothing served. Other failures spill as well, so there may be more
    spilled than refused: never below nought.
    """
    known = np.maximum(np.stack(refused), 0)
    together = known.cumsum(axis=0)
    total = together[-1]
    served = np.minimum(np.maximum(spilled, 0), total)
    up_to = together * served // np.maximum(total, 1)
    spared = np.diff(up_to, axis=0, prepend=np.zeros((1, len(spilled)), dtype=np.int64))
    return [
        np.where(each == MISSING, MISSING, each - part)
        for each, part in zip(refused, spared, strict=True)
    ]
