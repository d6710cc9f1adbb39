"""How far what the ledger wants has come to Azure, by the change that is open: why it is not there,
what is written and still to be read back, what is held.
"""

from datetime import tzinfo

from portal.kernel.status import Tick
from quotas.domain.states import ChangeState
from quotas.models import Change, Deployment
from quotas.selectors import statuses
from quotas.selectors.freezes import held_sentence

OBSERVE_ONLY = (
    "The pool is in observe-only mode: Headroom plans and writes nothing to Azure until an owner "
    "turns applying on."
)
KILLED = (
    "The kill switch is on: nothing is written to Azure, in any pool, until a platform owner turns "
    "it off."
)
NOT_PLANNED_YET = "The next run plans and writes it; one starts every 30 seconds."


def is_written(change: Change | None, wanted: int) -> bool:
    """Azure says that it is done; only our read-back is still to come."""
    return bool(change and change.state == ChangeState.VERIFYING and change.to_units == wanted)


def is_held(change: Change | None) -> bool:
    """Nothing is wrong, nothing is sent: it waits for a person, a freeze, or the kill switch."""
    if change is None:
        return False
    return change.state == ChangeState.NEEDS_HUMAN or bool(change.held_by or change.is_killed)


def why_not(deployment: Deployment, change: Change | None, zone: tzinfo | None = None) -> str:
    """`zone` as `held_sentence` takes it."""
    if deployment.pool and not deployment.pool.applies:
        return OBSERVE_ONLY
    if change is None:
        return NOT_PLANNED_YET
    if change.is_killed:
        return KILLED
    if change.held_by:
        return held_sentence(change.held_by, zone)
    return change.sentence or statuses.OF_CHANGE[ChangeState(change.state)].word + "."


def tick_of(change: Change | None, *, applies: bool) -> Tick:
    """How far it has come to Azure, of what is not there yet."""
    if not applies or is_held(change):
        return Tick.HELD
    return Tick.FAILED if change and change.error_reason else Tick.WAITING
