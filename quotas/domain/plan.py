"""From what ought to be and what is, to an ordered list of changes. Pure.

Shrinks come first (I12): Azure counts both against one limit, so a grow sent before its matching
shrink is refused and leaves the plan half applied. A second run over the same facts plans nothing
new. What no approved request's own edge explains is drift: it is planned, but waits for a yes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from portal.kernel.units import ONE_BY_ONE, UnitStep


@dataclass(frozen=True)
class Standing:
    """One managed deployment at one moment.

    `settled_units` is what Headroom last adopted or verified there; while Azure still has that, any
    difference from the wanted units comes from the ledger's own edges.
    """

    deployment_id: int
    wanted_units: int
    actual_units: int
    settled_units: int
    is_provisioned: bool = False
    agreed_units: int = 0  # those of approved bursts that ended since: they carried the yes for it
    writable_units: int | None = None  # what a freeze lets be written now; None: what is wanted
    step: UnitStep = ONE_BY_ONE  # the amounts that its model can have; of provisioned ones only


@dataclass(frozen=True)
class PlannedChange:
    deployment_id: int
    from_units: int
    to_units: int
    needs_yes: str = ""  # why a person must agree first; empty: nobody must
    is_held: bool = False  # a freeze holds it back; by itself it goes on when that is over
    settled_units: int | None = None

    @property
    def delta(self) -> int:
        return self.to_units - self.from_units


@dataclass(frozen=True)
class PlannedPool:
    changes: tuple[PlannedChange, ...]
    stopped_because: str = ""  # an oversized plan stops and asks


DRIFT = (
    "Somebody changed this deployment outside Headroom. Adopt what Azure has, or write the "
    "ledger's capacity back."
)
RELEASE = (
    "Azure does not promise provisioned capacity back once it is released. "
    "An owner of the pool has to agree."
)
NOTHING_HELD = (
    "The ledger holds nothing for this deployment any more. Headroom does not delete deployments: "
    "delete it in Azure, or give it a baseline."
)
NO_SUCH_AMOUNT = "Azure has no such amount of this model"
LARGE_PLAN_COUNT, LARGE_PLAN_PER_CENT = 5, 30


def plan_pool(standings: Sequence[Standing]) -> PlannedPool:
    """Changes for one pool, shrinks before grows, larger before smaller."""
    changes = [planned(s) for s in standings if s.wanted_units != s.actual_units]
    changes.sort(key=lambda change: (change.delta, change.deployment_id))
    return PlannedPool(tuple(changes), _why_stopped(standings))


def planned(standing: Standing) -> PlannedChange:
    """What was edited outside is no start and no end: a person decides on it, freeze or not. Where
    only a part of a decrease waits for a yes, the ends of bursts do not wait with it.
    """
    actual, writable = standing.actual_units, standing.writable_units
    is_frozen = writable is not None and not is_drift(standing)
    is_held = is_frozen and writable == actual
    to_units, why = standing.wanted_units, why_ask(standing)
    if is_frozen and not is_held and writable is not None:
        to_units = writable
    end = own_end(standing) if why and not is_held else None
    if end is not None:
        to_units, why = max(end, to_units), ""
    return PlannedChange(
        standing.deployment_id, actual, to_units, why, is_held, standing.settled_units
    )


def own_end(standing: Standing) -> int | None:
    """Units that are left once the bursts that ended are taken back, where the ledger wants still
    less and that asks for more than their yes. None where there is no such part.
    """
    left = standing.actual_units - standing.agreed_units
    is_part = standing.wanted_units < left < standing.actual_units
    can_be = left > 0 and _can_be(replace(standing, wanted_units=left))
    return left if is_part and can_be and not is_drift(standing) else None


def why_ask(standing: Standing) -> str:
    """Why a person must agree to what is planned for it; "" where nobody must."""
    if standing.wanted_units <= 0:
        return NOTHING_HELD
    if is_drift(standing):
        return DRIFT
    if not _can_be(standing):
        return _no_such_amount(standing)
    released = standing.actual_units - standing.wanted_units
    if standing.is_provisioned and released > max(0, standing.agreed_units):
        return RELEASE
    return ""


def is_unwritable(why: str) -> bool:
    """Of why a person must agree: whether no yes would help, as only the ledger can mend it."""
    return why == NOTHING_HELD or why.startswith(NO_SUCH_AMOUNT)


def _can_be(standing: Standing) -> bool:
    """At least the minimum, and whole steps from it, or from what Azure took before."""
    wanted, step = standing.wanted_units, standing.step
    from_minimum, from_actual = wanted - step.minimum, wanted - standing.actual_units
    return from_minimum >= 0 and (from_minimum % step.step == 0 or from_actual % step.step == 0)


def _no_such_amount(standing: Standing) -> str:
    step = standing.step
    nearest = " or ".join(f"{units:,}" for units in step.nearest(standing.wanted_units))
    return (
        f"{NO_SUCH_AMOUNT}: the ledger wants {standing.wanted_units:,} provisioned units, and it "
        f"comes in {step.minimum:,} and from there in steps of {step.step:,}. Nothing is written; "
        f"ask for a baseline that brings it to {nearest}."
    )


def is_drift(standing: Standing) -> bool:
    return standing.actual_units != standing.settled_units


def _why_stopped(standings: Sequence[Standing]) -> str:
    drifted = sum(1 for s in standings if s.wanted_units != s.actual_units and is_drift(s))
    allowed = max(LARGE_PLAN_COUNT, len(standings) * LARGE_PLAN_PER_CENT // 100)
    if drifted <= allowed:
        return ""
    return (
        f"{drifted} of {len(standings)} deployments differ for a reason no request explains; "
        f"more than {allowed} is too many to write without a yes."
    )


def content_hash(changes: Iterable[tuple[int, int, int]]) -> str:
    """Of (deployment, from, to) in any order: what a yes to a plan is bound to."""
    lines = sorted(f"{deployment} {before} {after}" for deployment, before, after in changes)
    return sha256("\n".join(lines).encode()).hexdigest()
