"""Windows that follow each other: a new one takes over, and what it would clash with is said."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import FOREVER, Window, floor_to_hour
from showback.models.sharing import Dated
from showback.querysets import touching
from showback.services.marks import open_since

RowT = TypeVar("RowT", bound=Dated)


class Clash(DomainError):
    code = "windows_clash"


def whole_hours(start: datetime, until: datetime | None, *, at: datetime) -> Window:
    """The window of a change. Raises DomainError where it is empty, or older than what is open."""
    if floor_to_hour(start) != start or (until and floor_to_hour(until) != until):
        raise DomainError("Choose whole hours: use is attributed hour by hour.", code="whole_hours")
    if until is not None and until <= start:
        raise DomainError(
            "The end must be after the start. Nothing was changed.", code="ends_before_start"
        )
    if start < open_since(at):
        raise DomainError(
            f"Figures before {open_since(at):%d %b %Y} stay as they are. Choose a later start; "
            "nothing was changed.",
            code="too_old",
        )
    return Window(start, until or FOREVER)


def make_room(rows: QuerySet[RowT], window: Window, *, what: str) -> list[int]:
    """Ends what runs when the window begins, and removes what began at its very start.

    Answers the ids of the rows that it changed. Raises Clash where another one begins inside the
    window, or a running one would have to come back after its end.
    """
    changed = []
    for row in rows.filter(touching(window)).select_for_update():
        if row.effective_from > window.start:
            raise Clash(_words(what, "begins", row.effective_from))
        if row.effective_from < window.start and row.effective_until > window.end:
            raise Clash(
                _words(what, "still holds", window.end)
                + " A window inside another would need two changes: let this one have no end."
            )
        changed.append(row.pk)
        if row.effective_from == window.start:
            row.delete()
        else:
            row.effective_until = window.start
            row.save(update_fields=["effective_until"])
    return changed


def _words(what: str, verb: str, moment: datetime) -> str:
    return (
        f"Another {what} {verb} at {moment:%a %d %b %Y, %H:%M} UTC. End this one by then, or "
        "remove that one first. Nothing was changed."
    )


@contextmanager
def one_change(what: str) -> Iterator[None]:
    """One transaction; a race that the database's constraints stop is told as one."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise ChangedMeanwhile(what) from error
