"""The bursts of a pool's calendar as an iCalendar file (RFC 5545), to be read by other programs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from portal.kernel.windows import Window
from quotas.selectors import words
from quotas.selectors.calendar import Calendar
from quotas.selectors.calendar_holders import Holder
from quotas.selectors.calendar_models import ModelEnd

OCTETS = 75  # of a line; longer ones go on in the next, after a blank


def calendar_file(found: Calendar, *, base_url: str) -> bytes:
    """Bursts and holds that the person may see by name, each with the address of its request; and
    the planned ends of models.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Headroom//Capacity calendar//EN",
        f"X-WR-CALNAME:{_text(words.pool_name(found.pool))}",
        *(line for holder in found.held for line in _event(found, holder, base_url)),
        *(line for each, n in _numbered(found) for line in _retires(found, each, n, base_url)),
        "END:VCALENDAR",
    ]
    return b"".join(_folded(line) for line in lines)


def _event(found: Calendar, holder: Holder, base_url: str) -> Iterator[str]:
    if not holder.request_id:
        return
    entries = [entry for entry in found.held[holder] if entry.units > 0]
    window = Window(min(e.window.start for e in entries), max(e.window.end for e in entries))
    amount = found.served.rate.in_words(max(entry.units for entry in entries))
    yield "BEGIN:VEVENT"
    yield f"UID:headroom-{holder.kind}-{holder.request_id}-pool-{found.pool.pk}"
    yield f"DTSTAMP:{_moment(found.at)}"
    yield f"DTSTART:{_moment(window.start)}"
    yield f"DTEND:{_moment(window.end)}"
    yield f"SUMMARY:{_text(f'{found.names[holder][0]}: {amount} more')}"
    yield f"URL:{base_url}/requests/{holder.request_id}/"
    yield "END:VEVENT"


def _numbered(found: Calendar) -> Iterator[tuple[ModelEnd, int]]:
    """Each end, and which it is of its model: in a pool of many regions one may have several."""
    times: Counter[str] = Counter()
    for each in found.served.ends:
        times[each.model] += 1
        yield each, times[each.model]


def _retires(found: Calendar, each: ModelEnd, number: int, base_url: str) -> Iterator[str]:
    """Without its time in the UID, so that an end that Azure moves takes the place of the former
    one where the file is read again.
    """
    name = each.model.replace(" ", "-") + (f"-{number}" if number > 1 else "")
    yield "BEGIN:VEVENT"
    yield f"UID:headroom-retires-{name}-pool-{found.pool.pk}"
    yield f"DTSTAMP:{_moment(found.at)}"
    yield f"DTSTART:{_moment(each.at)}"
    yield f"SUMMARY:{_text(f'Azure retires {each.model}')}"
    yield f"URL:{base_url}/models/"
    yield "END:VEVENT"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value


def _folded(line: str) -> bytes:
    """Never in the middle of a letter: each piece is a whole text of its own."""
    return b"\r\n ".join(_pieces(line)) + b"\r\n"


def _pieces(line: str) -> Iterable[bytes]:
    piece = b""
    for letter in line:
        if len(piece) + len(letter.encode()) > OCTETS - 1:
            yield piece
            piece = b""
        piece += letter.encode()
    yield piece
