"""Writes who is told what, in the caller's transaction; sending is a task's work, later."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from portal.models import Letter, MailMode, Message, Notice, User
from portal.outbox.kinds import KINDS, Event, Group

Told = User | int


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
    times under names that end in `_at`. Raises ValueError where one is missing. One statement.
    """
    _check(event, facts)
    key = key_of(event, subject, occurrence)
    people = {person.pk if isinstance(person, User) else person for person in recipients}
    said = {name: _json(value) for name, value in facts.items()}
    notice = Notice(key=key, event=event, at=at, subject=subject, url=url, facts=said)
    return notice if people and _write(notice, people) else None


def key_of(event: Event, subject: str, occurrence: object = "") -> str:
    """What one fact is known by, told or not."""
    return f"{event}:{subject}" + (f":{occurrence}" if occurrence != "" else "")


def told_already(keys: Collection[str]) -> set[str]:
    """Of these (`key_of`), those that were told. One query; for who asks again and again of many,
    as telling the same again does nothing, but a statement each time.
    """
    return set(Notice.objects.filter(key__in=keys).values_list("key", flat=True))


# In SQL, as it is part of every decision.
DECIDED = """
UPDATE portal_message SET read_at = %s FROM portal_notice notice
WHERE notice.id = notice_id AND read_at IS NULL AND notice.subject = %s AND notice.event = ANY(%s)
"""
TO_DECIDE = [str(event) for event, kind in KINDS.items() if kind.group == Group.DECIDE]


def nothing_to_decide(subject: str, *, at: datetime) -> int:
    """What asked people to decide on the subject needs nobody any more: it counts as read. Returns
    how many messages that were.
    """
    with connection.cursor() as cursor:
        cursor.execute(DECIDED, (at, subject, TO_DECIDE))
        return int(cursor.rowcount)


def take_back(event: Event, subject: str, *, at: datetime) -> int:
    """What the event said of the subject is so no more: it counts as read. Returns how many
    messages that were.
    """
    rows = Message.objects.unread().filter(notice__subject=subject, notice__event=event)
    return rows.update(read_at=at)


# People who may not sign in any more are told nothing. Two who tell the same at once wait for one
# another, and one of them has told it. One statement, as it is asked for often.
WRITE = """
WITH people AS MATERIALIZED (
    SELECT person.id, CASE WHEN %(mail_is_on)s AND person.email <> ''
        THEN coalesce(wish.mode, %(mail)s) ELSE %(off)s END AS mail
    FROM portal_user person
    LEFT JOIN portal_mailwish wish ON wish.person_id = person.id AND wish.event = %(event)s
    WHERE person.id = ANY(%(people)s) AND person.is_active
), kept AS (
    INSERT INTO portal_notice (key, event, at, subject, url, facts)
    SELECT %(key)s, %(event)s, %(at)s, %(subject)s, %(url)s, %(facts)s::jsonb
    WHERE EXISTS (SELECT FROM people) ON CONFLICT (key) DO NOTHING RETURNING id
), letters AS (
    INSERT INTO portal_letter
        (person_id, is_digest, state, created_at, not_before, attempts, problem)
    SELECT people.id, false, %(waiting)s, %(at)s, %(at)s, 0, '' FROM kept, people
    WHERE people.mail = %(at_once)s ORDER BY people.id RETURNING id, person_id
), messages AS (
    INSERT INTO portal_message (notice_id, person_id, mail, letter_id)
    SELECT kept.id, people.id, people.mail, letters.id FROM kept CROSS JOIN people
    LEFT JOIN letters ON letters.person_id = people.id ORDER BY people.id
)
SELECT id FROM kept"""


def _write(notice: Notice, people: Collection[int]) -> bool:
    """The notice, a message for each, and a letter for who wants one at once; False where it was
    told before, or nobody is there to be told.
    """
    values: dict[str, Any] = {
        "key": notice.key, "event": str(notice.event), "at": notice.at, "url": notice.url,
        "subject": notice.subject, "facts": json.dumps(notice.facts), "people": list(people),
        "mail_is_on": settings.HEADROOM_MAIL_IS_ON, "mail": str(KINDS[Event(notice.event)].mail),
        "off": str(MailMode.OFF), "at_once": str(MailMode.AT_ONCE),
        "waiting": str(Letter.State.WAITING),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(WRITE, values)
        row = cursor.fetchone()
    notice.pk = row[0] if row else None
    return row is not None


def _check(event: Event, facts: dict[str, Any]) -> None:
    missing = KINDS[event].needs - set(facts)
    if {"from_at", "until_at"} <= set(facts):
        missing -= {"window"}
    if missing:
        raise ValueError(f"{event} cannot be told without {', '.join(sorted(missing))}")


def _json(value: Any) -> Any:
    """`Shown` and other texts as plain text, times as ISO, nothing as nothing."""
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None:
        return ""
    return value if isinstance(value, int) else str(value)
