"""Adjectives: conditions on one table, for `filter`. Of rows with a half-open window of time."""

from datetime import datetime

from django.db.models import Q

from portal.kernel.windows import Window


def in_force_at(at: datetime) -> Q:
    """Half-open: at the minute a window ends, it is over."""
    return Q(effective_from__lte=at, effective_until__gt=at)


def touching(window: Window) -> Q:
    return Q(effective_from__lt=window.end, effective_until__gt=window.start)
