"""Which refusals callers met, where a deployment spills over onto another."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import MINUTE, Window
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.measures import MISSING
from showback.domain.spillover import refused_to_callers
from showback.selectors.minutes import read_minutes

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Spill:
    """A deployment that others spill onto, and all that do, in the order of their ids."""

    target_id: int
    source_ids: tuple[int, ...]


def met_by_callers(deployments: Iterable[MeteredDeployment], window: Window) -> dict[int, Ints]:
    """The refused requests of each minute, of those of the deployments that spill over.

    The window is of whole minutes. No query where none spills, else two.
    """
    asked = {each.id: each for each in deployments if each.spillover_deployment_name}
    if not asked:
        return {}
    there = metered_deployments(
        including_gone_since=window.start, account_keys={e.account_key for e in asked.values()}
    )
    spills = spills_among(there)
    ids = {each for spill in spills for each in (spill.target_id, *spill.source_ids)}
    read = read_minutes(ids, window, ("throttled", "spilled")) if ids else {}
    found: dict[int, Ints] = {}
    for spill in spills:
        refused = [read[each]["throttled"] for each in spill.source_ids]
        met = refused_to_callers(refused, read[spill.target_id]["spilled"])
        found.update(zip(spill.source_ids, met, strict=True))
    return {each: found[each] for each in asked if each in found}


def spills_among(there: Iterable[MeteredDeployment]) -> list[Spill]:
    """Names are of one account, whatever their case. One that leads nowhere spills nothing.

    `there` are whole accounts.
    """
    # Where a name was used twice, the one that is still there.
    known = sorted(there, key=_is_there)
    ids = {(each.account_key, each.name.lower()): each.id for each in known}
    sources: dict[int, list[int]] = defaultdict(list)
    for each in known:
        name = each.spillover_deployment_name.lower()
        if name and (target := ids.get((each.account_key, name))):
            sources[target].append(each.id)
    return [Spill(target, tuple(sorted(those))) for target, those in sources.items()]


@dataclass(frozen=True)
class Refused:
    """Of one hour: requests, and minutes with any; of the minutes that came."""

    requests: int
    minutes: int


def refused_by_hour(met: Ints, window: Window) -> dict[datetime, Refused]:
    """Of hours of which a minute came; `window` begins with an hour, `met` has its minutes."""
    found = {}
    for start in range(0, len(met), 60):
        part = met[start : start + 60]
        if (part != MISSING).any():
            refused = np.maximum(part, 0)
            hour = window.start + start * MINUTE
            found[hour] = Refused(int(refused.sum()), int((refused > 0).sum()))
    return found


def _is_there(deployment: MeteredDeployment) -> bool:
    return deployment.gone_at is None
