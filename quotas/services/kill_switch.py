"""The global kill switch: throwing it, and turning it off again.

It is asked for under the pool's lock immediately before each write (`gates`). What Azure has taken
by then cannot be called back: it is read back and settled, and nothing follows it. Whoever operates
a pool is told both times.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.models import User
from portal.outbox import Event, take_back, tell
from quotas.models import KillSwitch
from quotas.selectors import words
from quotas.selectors.people import operators_of_any
from quotas.services.refusals import refuse

LONGEST_REASON = 200


def throw(*, reason: str, by: User, at: datetime) -> KillSwitch:
    """On from now. Raises DomainError: not a platform owner, no reason; ChangedMeanwhile when it is
    on already.
    """
    said = _checked(reason, by)
    try:
        with transaction.atomic():
            switch = KillSwitch.objects.create(turned_on_at=at, turned_on_by=by, reason=said)
            _record("kill_switch.turned_on", switch, by=by, at=at)
            _tell(Event.KILL_SWITCH_ON, switch, said, by=by, at=at)
    except IntegrityError:
        raise ChangedMeanwhile("The kill switch") from None
    return switch


@transaction.atomic
def turn_off(switch: KillSwitch, *, reason: str, by: User, at: datetime) -> KillSwitch:
    """Off from now; the next run writes what is due. Raises DomainError as `throw` does, and
    ChangedMeanwhile when this one is off already.
    """
    said = _checked(reason, by)
    facts = {
        "is_on": False,
        "turned_off_at": at,
        "turned_off_by": by,
        "reason_to_go_on": said,
    }
    if not KillSwitch.objects.on().filter(pk=switch.pk).update(**facts):
        raise ChangedMeanwhile("The kill switch")
    _record("kill_switch.turned_off", switch, by=by, at=at)
    take_back(Event.KILL_SWITCH_ON, _subject(switch), at=at)
    _tell(Event.KILL_SWITCH_OFF, switch, said, by=by, at=at)
    for name, value in facts.items():
        setattr(switch, name, value)
    return switch


def is_on() -> bool:
    return bool(KillSwitch.objects.on().exists())


def _checked(reason: str, by: User) -> str:
    if not by.is_platform_owner:
        raise refuse(
            "not_yours", "Only a platform owner throws the kill switch, and turns it off again."
        )
    said = reason.strip()
    if not said:
        raise refuse("reason_missing", "Say why; everybody reads it on every page.")
    if len(said) > LONGEST_REASON:
        raise refuse("reason_too_long", f"Say it in {LONGEST_REASON} characters at most.")
    return said


def _record(verb: str, switch: KillSwitch, *, by: User, at: datetime) -> None:
    """Why stands in the row itself: people's own words are no part of the audit."""
    audit.record(verb, _subject(switch), actor_id=by.pk, at=at)


def _tell(event: Event, switch: KillSwitch, why: str, *, by: User, at: datetime) -> None:
    """Everybody who operates something, less the one who did it; once each time."""
    tell(
        event,
        operators_of_any() - {by.pk},
        subject=_subject(switch),
        url=reverse("kill_switch"),
        at=at,
        by=words.person_name(by),
        why=why.rstrip("."),
    )


def _subject(switch: KillSwitch) -> str:
    return f"kill_switch/{switch.pk}"
