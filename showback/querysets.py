"""Adjectives: chainable, one table each."""

from datetime import datetime
from typing import Self

from django.db import models

from portal.kernel.windows import Window


class DatedQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def in_force_at(self, at: datetime) -> Self:
        """Half-open: at the minute a window ends, it is over."""
        return self.filter(effective_from__lte=at, effective_until__gt=at)

    def touching(self, window: Window) -> Self:
        return self.filter(effective_from__lt=window.end, effective_until__gt=window.start)


DatedManager = models.Manager.from_queryset(DatedQuerySet)
