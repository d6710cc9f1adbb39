"""Writes who is told what, in the caller's transaction; sending is a task's work, later."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.models import Letter, MailMode, MailWish, Message, Notice, User
from portal.outbox.kinds import KINDS, Event, Group

Told = User | int


@transaction.atomic(savepoint=False)  # one fate with the caller's own transaction
def tell(
    event: Event,
    recipients: Iterable[Told],
    *,
    subject: str,
    url: str,
    at: datetime,
    occurrence: object = "",
    **facts: Any,
) -> Notice | None:
    """One notice of the event, and a message to each active person among `recipients`.

    Called by a service inside its own transaction. The event happens once to its `subject`
    ("request/12", as in the audit); where it may happen again, `occurrence` tells the times apart
    (a decision's id, the instant). Telling the same again does nothing and returns None, and so
    does telling nobody. `facts` are what the sentence of the kind needs: texts, numbers, and aware
    times under names that end in `_at`. Raises ValueError where one is missing.
    """
    _check(event, facts)
    key = f"{event}:{subject}" + (f":{occurrence}" if occurrence != "" else "")
    people = _active(recipients)
    if not people:
        return None
    notice, is_new = Notice.objects.get_or_create(
        key=key,
        defaults={
            "event": event,
            "at": at,
            "subject": subject,
            "url": url,
            "facts": {name: _json(value) for name, value in facts.items()},
        },
    )
    if not is_new:
        return None
    _write(notice, people, KINDS[event].mail, at=at)
    return notice


def nothing_to_decide(subject: str, *, at: datetime) -> int:
    """What asked people to decide on the subject needs nobody any more: it counts as read. Returns
    how many messages that were.
    """
    asked = [event for event, kind in KINDS.items() if kind.group == Group.DECIDE]
    rows = Message.objects.unread().filter(notice__subject=subject, notice__event__in=asked)
    return rows.update(read_at=at)


def take_back(event: Event, subject: str, *, at: datetime) -> int:
    """What the event said of the subject is so no more: it counts as read. Returns how many
    messages that were.
    """
    rows = Message.objects.unread().filter(notice__subject=subject, notice__event=event)
    return rows.update(read_at=at)


def _write(notice: Notice, people: list[User], usual: MailMode, *, at: datetime) -> None:
    wishes = _wishes(notice.event, people) if settings.HEADROOM_MAIL_IS_ON else {}
    messages = [Message(notice=notice, person=person) for person in people]
    letters = []
    for message, person in zip(messages, people, strict=True):
        if not settings.HEADROOM_MAIL_IS_ON or not person.email:
            continue
        message.mail = wishes.get(person.pk, usual)
        if message.mail == MailMode.AT_ONCE:
            message.letter = Letter(person=person, created_at=at, not_before=at)
            letters.append(message.letter)
    Letter.objects.bulk_create(letters)
    Message.objects.bulk_create(messages)


def _check(event: Event, facts: dict[str, Any]) -> None:
    missing = KINDS[event].needs - set(facts)
    if {"from_at", "until_at"} <= set(facts):
        missing -= {"window"}
    if missing:
        raise ValueError(f"{event} cannot be told without {', '.join(sorted(missing))}")


def _active(recipients: Iterable[Told]) -> list[User]:
    """Each once, by id; people who may not sign in any more are told nothing."""
    ids = {person.pk if isinstance(person, User) else person for person in recipients}
    return list(User.objects.filter(pk__in=ids, is_active=True).order_by("pk")) if ids else []


def _wishes(event: str, people: list[User]) -> dict[int, str]:
    rows = MailWish.objects.filter(event=event, person__in=people)
    return dict(rows.values_list("person_id", "mode"))


def _json(value: Any) -> Any:
    """`Shown` and other texts as plain text, times as ISO, nothing as nothing."""
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None:
        return ""
    return value if isinstance(value, int) else str(value)
