"""Writes who is told what, in the caller's transaction; sending is a task's work, later."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from portal.models import Letter, MailMode, MailWish, Message, Notice, User
from portal.outbox.kinds import KINDS, Event, Group

Told = User | int


class Reader(NamedTuple):
    """Somebody who is told; `wish` None: they have not said how they want mail of this kind."""

    pk: int
    email: str
    wish: str | None


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
    people = _active(recipients, event)
    if not people:
        return None
    said = {name: _json(value) for name, value in facts.items()}
    notice = Notice(key=key, event=event, at=at, subject=subject, url=url, facts=said)
    if not _keep(notice):
        return None
    _write(notice, people, at=at)
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


# Two who tell the same at once wait for one another, and one of them has told it.
KEEP = """
INSERT INTO portal_notice (key, event, at, subject, url, facts) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (key) DO NOTHING RETURNING id"""


def _keep(notice: Notice) -> bool:
    """Writes the row; False where it was told before. One statement, as it is asked for often."""
    of_whom = (notice.at, notice.subject, notice.url, json.dumps(notice.facts))
    with connection.cursor() as cursor:
        cursor.execute(KEEP, (notice.key, str(notice.event), *of_whom))
        row = cursor.fetchone()
    notice.pk = row[0] if row else None
    return row is not None


def _write(notice: Notice, people: list[Reader], *, at: datetime) -> None:
    messages, letters = [], []
    for person in people:
        message = Message(notice=notice, person_id=person.pk)
        messages.append(message)
        if not settings.HEADROOM_MAIL_IS_ON or not person.email:
            continue
        message.mail = person.wish or KINDS[Event(notice.event)].mail
        if message.mail == MailMode.AT_ONCE:
            message.letter = Letter(person_id=person.pk, created_at=at, not_before=at)
            letters.append(message.letter)
    Letter.objects.bulk_create(letters)
    Message.objects.bulk_create(messages)


def _check(event: Event, facts: dict[str, Any]) -> None:
    missing = KINDS[event].needs - set(facts)
    if {"from_at", "until_at"} <= set(facts):
        missing -= {"window"}
    if missing:
        raise ValueError(f"{event} cannot be told without {', '.join(sorted(missing))}")


def _active(recipients: Iterable[Told], event: Event) -> list[Reader]:
    """Each once, by id; people who may not sign in any more are told nothing. One query."""
    ids = {person.pk if isinstance(person, User) else person for person in recipients}
    if not ids:
        return []
    wish = MailWish.objects.filter(event=event, person=OuterRef("pk")).values("mode")
    rows = User.objects.filter(pk__in=ids, is_active=True).order_by("pk")
    return [Reader(*row) for row in rows.values_list("pk", "email", Subquery(wish))]


def _json(value: Any) -> Any:
    """`Shown` and other texts as plain text, times as ISO, nothing as nothing."""
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None:
        return ""
    return value if isinstance(value, int) else str(value)
