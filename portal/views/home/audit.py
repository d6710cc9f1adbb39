"""The part of auditors: the latest rows of the audit log, with what they are about."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.timezone import get_current_timezone

from portal.kernel.formatting_times import moment
from portal.kernel.shown import Shown
from portal.models import AuditRow, User

MOST = 20
PORTAL = "Headroom"
# Subjects that have a page of their own.
PAGES = {"request": "request", "pool": "pool"}


@dataclass(frozen=True)
class LoggedRow:
    at: Shown
    who: str
    did: str
    subject: str
    url: str


@dataclass(frozen=True)
class AuditPart:
    rows: list[LoggedRow]
    total: int
    newest: datetime | None


def latest_rows(*, at: datetime) -> AuditPart:
    rows = list(AuditRow.objects.order_by("-pk")[:MOST])
    names = {
        user.pk: user.display_name
        for user in User.objects.filter(pk__in={row.actor_id for row in rows if row.actor_id})
    }
    return AuditPart(
        rows=[_row(row, names, at=at) for row in rows],
        total=AuditRow.objects.count(),
        newest=rows[0].at if rows else None,
    )


def _row(row: AuditRow, names: dict[int, str], *, at: datetime) -> LoggedRow:
    who = PORTAL if row.actor_id is None else names.get(row.actor_id, f"person {row.actor_id}")
    return LoggedRow(
        at=moment(row.at, get_current_timezone(), now=at),
        who=who,
        did=row.verb.replace(".", " ").replace("_", " "),
        subject=row.subject,
        url=_url(row.subject),
    )


def _url(subject: str) -> str:
    kind, _, key = subject.partition("/")
    return reverse(PAGES[kind], args=[key]) if kind in PAGES and key.isdecimal() else ""
