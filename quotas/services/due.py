"""Which changes a step could bring further, and which of them is next."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change
from quotas.services import gates
from quotas.services.gates import ON_THE_WAY

NEEDED_TO_CHOOSE = (
    "state", "not_before", "from_units", "to_units", "deployment__account", "plan__pool",
)  # fmt: skip


def steppable(account_id: int | None = None) -> QuerySet[Change]:
    """Open changes that a step could bring further once their time has come.

    Writes are for applying pools only, and wait while another one is out to their account; what is
    on its way is read back in any pool.
    """
    if account_id is None:
        is_free = ~Exists(gates.write_is_out(OuterRef("deployment__account")))
        return _not_settled(Q(is_free, gates.may_be_written()) | Q(state__in=ON_THE_WAY))
    can_be = Q(state__in=ON_THE_WAY)
    if not gates.write_is_out(account_id).exists():
        can_be |= gates.may_be_written()
    return _not_settled(can_be).filter(deployment__account=account_id)


def _not_settled(can_be: Q) -> QuerySet[Change]:
    open_states = OPEN_CHANGE_STATES - {ChangeState.NEEDS_HUMAN}
    found: QuerySet[Change] = Change.objects.filter(can_be, state__in=open_states)
    return found


def due_changes(at: datetime, *, account_id: int | None = None) -> list[Change]:
    """Those whose time has come: what is on its way, then shrinks before grows, then who has been
    due longest. Only what decides on the order is read: a step reads its change again.
    """
    rows = (
        steppable(account_id)
        .filter(not_before__lte=at)
        .select_related("deployment", "plan")
        .only(*NEEDED_TO_CHOOSE)
        .order_by("not_before", "position", "pk")
    )
    return sorted(rows, key=lambda c: (c.state not in ON_THE_WAY, not c.is_shrink))
