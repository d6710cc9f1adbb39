"""Which refusals callers met, where a deployment spills over onto another."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import Window
from quotas.selectors.metering import MeteredDeployment, metered_deployments
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
    spills = _spills(asked.values(), window)
    ids = {each for spill in spills for each in (spill.target_id, *spill.source_ids)}
    read = read_minutes(ids, window, ("throttled", "spilled")) if ids else {}
    found: dict[int, Ints] = {}
    for spill in spills:
        refused = [read[each]["throttled"] for each in spill.source_ids]
        met = refused_to_callers(refused, read[spill.target_id]["spilled"])
        found.update(zip(spill.source_ids, met, strict=True))
    return {each: found[each] for each in asked if each in found}


def _spills(asked: Iterable[MeteredDeployment], window: Window) -> list[Spill]:
    """Names are of one account, whatever their case. One that leads nowhere spills nothing."""
    there = metered_deployments(
        including_gone_since=window.start, account_keys={each.account_key for each in asked}
    )
    # Where a name was used twice, the one that is still there.
    ids = {(each.account_key, each.name.lower()): each.id for each in sorted(there, key=_is_there)}
    sources: dict[int, list[int]] = defaultdict(list)
    for each in there:
        name = each.spillover_deployment_name.lower()
        if name and (target := ids.get((each.account_key, name))):
            sources[target].append(each.id)
    return [Spill(target, tuple(sorted(those))) for target, those in sources.items()]


def _is_there(deployment: MeteredDeployment) -> bool:
    return deployment.gone_at is None
