"""Alarms that grow: what ended and is still there is told again and again until it goes (I11)."""

from datetime import datetime

from django.urls import reverse

from portal.kernel.windows import HOUR
from portal.outbox import Event, tell
from quotas.domain.late import late_alarms
from quotas.selectors import words
from quotas.selectors.late_ends import LateEnd, late_ends
from quotas.selectors.on_the_way import KILLED
from quotas.selectors.people import operators_of, platform_owners
from quotas.services import kill_switch

GOES_ON = "It is tried until it is done."
BY_HAND = "Take it back by hand, or turn applying on."


def tell_of_late_ends(*, at: datetime) -> int:
    """Returns how many were told. After an hour the owners of the platform hear of it as well."""
    return sum(_tell(end, at=at) for end in late_ends(at=at))


def _tell(end: LateEnd, *, at: datetime) -> bool:
    late = at - end.since
    number = late_alarms(late, applies=end.applies)
    if not number or end.deployment.pool is None:
        return False
    people = operators_of(end.deployment.pool)
    if late >= HOUR:
        people |= platform_owners()
    notice = tell(
        Event.END_LATE,
        people,
        subject=f"deployment/{end.deployment.pk}",
        url=reverse("changes"),
        at=at,
        occurrence=f"{end.since.isoformat()}/{number}",
        deployment=str(end.deployment),
        actual=words.amount(end.deployment, end.deployment.capacity_units),
        wanted=words.amount(end.deployment, end.wanted),
        since_at=end.since,
        why=f"{end.why} {_outlook(end)}".strip(),
    )
    return notice is not None


def _outlook(end: LateEnd) -> str:
    """What becomes of it; "" under the kill switch where `why` tells of it, as of any change."""
    if not end.applies:
        return BY_HAND
    if not kill_switch.is_on():
        return GOES_ON
    return "" if end.change else KILLED
