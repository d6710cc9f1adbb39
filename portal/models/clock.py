"""The clock's offset: one row, read by every process, only outside production."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import models

CACHE_SECONDS = 0.5


class ClockOffset(models.Model):
    """How far the portal's time is from the machine's. The primary key is always 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField(default=timedelta(0))

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_clock_offset")]

    def __str__(self) -> str:
        return str(self.offset)

    @classmethod
    def set(cls, offset: timedelta) -> None:
        cls.objects.update_or_create(id=1, defaults={"offset": offset})
        forget_offset()


_cached: tuple[float, timedelta] | None = None


def forget_offset() -> None:
    """The next `now()` of this process reads the row again."""
    global _cached
    _cached = None


def offset_reader() -> Callable[[], timedelta]:
    """What `portal.kernel.clock` asks: the row's value, at most half a second old."""
    if not settings.CLOCK_MAY_BE_SET:
        return lambda: timedelta(0)
    return _read


def _read() -> timedelta:
    global _cached
    asked_at = time.monotonic()
    if _cached is None or asked_at - _cached[0] > CACHE_SECONDS:
        row = ClockOffset.objects.filter(id=1).values_list("offset", flat=True).first()
        _cached = (asked_at, row or timedelta(0))
    return _cached[1]
