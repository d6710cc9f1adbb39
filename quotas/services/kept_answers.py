"""What was answered to a change stays when it is planned anew and is the same: a pool that is
switched, or a burst that goes on where an equal one ended, asks nobody a second time.
"""

from typing import Any

from quotas.domain.plan import DRIFT, PlannedChange
from quotas.domain.states import ChangeState
from quotas.models import Change, Pool
from quotas.services.gates import ON_THE_WAY

NOT_ANSWERED: dict[str, Any] = {}


def kept_answer(planned: PlannedChange, before: Change | None, pool: Pool) -> dict[str, Any]:
    """The fields that the new change takes over from the one that it replaces, before that is
    superseded; none where it was not answered, is another (from, to, why), or was another pool's,
    whose owners answer for it.
    """
    if before is None or before.answered_by_id is None or before.state in ON_THE_WAY:
        return NOT_ANSWERED
    same = (before.from_units, before.to_units) == (planned.from_units, planned.to_units)
    if not same or not planned.needs_yes or before.plan.pool_id != pool.pk:
        return NOT_ANSWERED
    said = {"answered_by_id": before.answered_by_id, "answer_reason": before.answer_reason}
    if before.state == ChangeState.NEEDS_HUMAN:
        asks_the_same = before.snoozed_until and before.sentence == planned.needs_yes
        return {**said, "snoozed_until": before.snoozed_until} if asks_the_same else NOT_ANSWERED
    if (before.agreed_at is not None) != (planned.needs_yes == DRIFT):
        return NOT_ANSWERED
    agreed = {"state": ChangeState.PLANNED, "sentence": "", "agreed_at": before.agreed_at}
    return {**said, **agreed}


def is_yes(answer: dict[str, Any]) -> bool:
    return answer.get("state") == ChangeState.PLANNED
