"""Since when minutes, hours and days are kept: what is older was dropped, and is no gap."""

from datetime import date, datetime

from showback.models import Kept


def kept_since(what: Kept.What) -> datetime | None:
    """None: nothing of it has been dropped yet."""
    return Kept.objects.filter(what=what).values_list("since", flat=True).first()


def older_than_kept(what: Kept.What, last: date) -> str:
    """A sentence for a page about days up to `last` if all of it was dropped; else empty."""
    since = kept_since(what)
    if since is None or last >= since.date():
        return ""
    return f"This is older than what is kept: {what.label.lower()} go back to {since:%-d %B %Y}."
