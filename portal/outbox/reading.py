"""The messages of one person: as rows of a page, and read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from portal.kernel import formatting_times
from portal.kernel.shown import Shown
from portal.kernel.status import Status
from portal.models import Message, User
from portal.outbox.wording import said


@dataclass(frozen=True)
class Row:
    """A message as the page shows it."""

    pk: int
    title: str
    sentence: SafeString
    status: Status
    age: Shown
    is_unread: bool


def messages_of(user: User, *, unread_only: bool = False) -> QuerySet[Message]:
    """Their own only, with the notices."""
    rows: QuerySet[Message] = Message.objects.visible_to(user).select_related("notice")
    return rows.filter(read_at__isnull=True) if unread_only else rows


def rows_of(messages: Iterable[Message], zone: tzinfo, *, now: datetime) -> list[Row]:
    """Times in the zone of the reader."""
    return [_row(message, zone, now=now) for message in messages]


def _row(message: Message, zone: tzinfo, *, now: datetime) -> Row:
    words = said(message.notice, zone, now=now)
    return Row(
        pk=message.pk,
        title=words.title,
        sentence=words.html_sentence,
        status=words.kind.status,
        age=formatting_times.age(message.notice.at, now, zone),
        is_unread=message.read_at is None,
    )


def mark_read(user: User, *, at: datetime, pk: int | None = None, up_to: int | None = None) -> int:
    """One message, or all up to the newest that was on the page: what came since stays unread.

    Read again, it keeps the first time. Returns how many were unread.
    """
    rows = Message.objects.visible_to(user).unread()
    if pk is not None:
        rows = rows.filter(pk=pk)
    if up_to is not None:
        rows = rows.filter(pk__lte=up_to)
    return rows.update(read_at=at)
