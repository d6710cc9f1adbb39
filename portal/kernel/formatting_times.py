"""How times look everywhere: in the person's own zone, UTC on hover. Zone and now are arguments."""

from datetime import UTC, datetime, timedelta, tzinfo

from portal.kernel.shown import Shown, not_known
from portal.kernel.windows import DAY, FOREVER, HOUR, MINUTE

WEEK = timedelta(days=7)


def moment(at: datetime | None, zone: tzinfo, *, now: datetime | None = None) -> Shown:
    """`Fri 14 Nov, 09:00`; with the year where `now` is given and lies in another one."""
    if at is None:
        return not_known()
    if at == FOREVER:
        return Shown("no end", exact="until somebody ends it", value="", tag="data")
    return _time(f"{_date(at, zone, now)}, {_clock(at, zone)}", at)


def day(at: datetime | None, zone: tzinfo, *, now: datetime | None = None) -> Shown:
    """`Fri 14 Nov`."""
    return not_known() if at is None else _time(_date(at, zone, now), at)


def month(at: datetime | None, zone: tzinfo) -> Shown:
    """`November 2025`."""
    return not_known() if at is None else _time(f"{at.astimezone(zone):%B %Y}", at)


def span(
    start: datetime | None, end: datetime | None, zone: tzinfo, *, now: datetime | None = None
) -> Shown:
    """A half-open window: `Fri 14 Nov, 09:00–18:00`; the end names its day where that differs.

    An end at midnight is the 24:00 of its day; an end that never comes is "no end".
    """
    if start is None or end is None:
        return not_known()
    exact = f"{_utc(start)} to {'no end' if end == FOREVER else _utc(end)}"
    first = f"{_date(start, zone, now)}, {_clock(start, zone)}"
    if end == FOREVER:
        return Shown(f"from {first}, no end", exact=exact, value=_iso(start))
    return Shown(first + _until(start, end, zone, now), exact=exact, value=_iso(start))


def duration(length: timedelta | None) -> Shown:
    """The two largest parts: `3 h 20 min`, `2 d 4 h`, `45 s`."""
    if length is None:
        return not_known()
    seconds = round(abs(length).total_seconds())
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    named = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    first = next((i for i, (size, _) in enumerate(named) if size), 3)
    parts = [f"{size} {name}" for size, name in named[first : first + 2] if size]
    exact = f"{seconds:,} seconds"
    return Shown(" ".join(parts) or "0 s", exact=exact, value=str(seconds))


def age(at: datetime | None, now: datetime, zone: tzinfo) -> Shown:
    """Relative when near: `3 min ago`, `in 2 h`; beyond a week the moment itself."""
    if at is None:
        return not_known()
    gap = now - at
    if abs(gap) >= WEEK:
        return moment(at, zone, now=now)
    if abs(gap) < MINUTE:
        return _time("just now", at)
    size = _largest_part(abs(gap))
    return _time(f"{size} ago" if gap > timedelta(0) else f"in {size}", at)


def _largest_part(gap: timedelta) -> str:
    for step, name in ((DAY, "d"), (HOUR, "h")):
        if gap >= step:
            return f"{gap // step} {name}"
    return f"{gap // MINUTE} min"


def _until(start: datetime, end: datetime, zone: tzinfo, now: datetime | None) -> str:
    last, closes = end.astimezone(zone), _clock(end, zone)
    if closes == "00:00":  # half-open: midnight belongs to the day that it ends
        last, closes = last - DAY, "24:00"
    if last.date() == start.astimezone(zone).date():
        return f"–{closes}"
    return f" – {_date(last, zone, now)}, {closes}"


def _date(at: datetime, zone: tzinfo, now: datetime | None) -> str:
    local = at.astimezone(zone)
    year = f" {local.year}" if now and now.astimezone(zone).year != local.year else ""
    return f"{local:%a} {local.day} {local:%b}{year}"


def _clock(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _time(text: str, at: datetime) -> Shown:
    return Shown(text, exact=_utc(at), value=_iso(at), tag="time")
