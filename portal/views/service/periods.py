"""The stretches of time that a service's page can show; the address holds which."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from portal.kernel.windows import Window


@dataclass(frozen=True)
class Period:
    key: str
    label: str
    length: timedelta

    def window(self, at: datetime) -> Window:
        return Window(at - self.length, at)


PERIODS = (
    Period("24h", "24 hours", timedelta(hours=24)),
    Period("7d", "7 days", timedelta(days=7)),
    Period("28d", "28 days", timedelta(days=28)),
)


def period_of(key: str | None) -> Period:
    """The one named, else the last 24 hours."""
    return next((period for period in PERIODS if period.key == key), PERIODS[0])


def address(**parts: str) -> str:
    """`?period=7d&deployment=3`; what is empty is left out."""
    return f"?{urlencode({name: value for name, value in parts.items() if value})}"
