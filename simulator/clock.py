"""The simulator's settable clock and the small vocabulary of time it shares.

Everything the simulated Azure says about its world (metrics, capacity history, ``systemData``) is
on this clock. Tokens and TLS stay on real time, as the clients' own checks do.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SECONDS_PER_MINUTE = 60
MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = 1440

_RELATIVE = re.compile(r"now(?:(?P<sign>[+-])(?P<amount>\d+)(?P<unit>[mhdw]))?")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_time(text: str) -> datetime:
    """An aware UTC datetime from ISO 8601. Without an offset UTC is meant.

    Raises ValueError with a sentence. More than six fraction digits are cut, as Azure sends seven.
    """
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    try:
        moment = datetime.fromisoformat(trimmed)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an ISO 8601 time such as 2026-03-02T10:00:00Z."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_relative_time(text: str, now: datetime) -> datetime:
    """ISO 8601, or ``now``, ``now-3d``, ``now+2h`` (m, h, d, w) floored to the whole hour."""
    match = _RELATIVE.fullmatch(text.strip())
    if match is None:
        return parse_time(text)
    seconds = int(match["amount"] or 0) * _UNIT_SECONDS.get(match["unit"] or "m", 0)
    moment = now + timedelta(seconds=-seconds if match["sign"] == "-" else seconds)
    return moment.replace(minute=0, second=0, microsecond=0)


def iso(moment: datetime) -> str:
    """The form this simulator writes: UTC with a Z, microseconds only when there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def iso_of_minute(minute: int) -> str:
    """``2026-01-01T00:00:00Z`` of an epoch minute."""
    return time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(minute * SECONDS_PER_MINUTE))


@dataclass
class Clock:
    """Real time, real time plus an offset, or stopped at a moment."""

    offset_seconds: float = 0.0
    frozen_at: datetime | None = None

    def now(self) -> datetime:
        """The simulated moment, aware UTC."""
        if self.frozen_at is not None:
            return self.frozen_at
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)

    def set(self, at: datetime, frozen: bool = False) -> None:
        """Jump to ``at``; from there run at real speed, or stand still when ``frozen``."""
        self.frozen_at = at if frozen else None
        self.offset_seconds = 0.0 if frozen else (at - datetime.now(UTC)).total_seconds()

    def advance(self, seconds: float) -> None:
        """Jump by ``seconds``; a stopped clock stays stopped."""
        if self.frozen_at is not None:
            self.frozen_at += timedelta(seconds=seconds)
        else:
            self.offset_seconds += seconds

    def make_real(self) -> None:
        """Back to the machine's time."""
        self.frozen_at, self.offset_seconds = None, 0.0

    def as_json(self) -> dict[str, Any]:
        """What the state folder keeps."""
        frozen_at = None if self.frozen_at is None else iso(self.frozen_at)
        return {"offset_seconds": self.offset_seconds, "frozen_at": frozen_at}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Clock:
        """The inverse of :meth:`as_json`."""
        frozen_at = stored.get("frozen_at")
        return cls(
            offset_seconds=float(stored.get("offset_seconds", 0.0)),
            frozen_at=None if frozen_at is None else parse_time(frozen_at),
        )

    @classmethod
    def from_argument(cls, text: str) -> Clock:
        """``real``, or an ISO moment from which the clock runs on."""
        clock = cls()
        if text != "real":
            clock.set(parse_time(text))
        return clock
