"""What a status looks like: one word, one tone, one icon; every choice class carries these."""

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """The five semantic colours of `static/css/tokens.css`."""

    OK = "ok"
    ATTENTION = "attention"
    DANGER = "danger"
    INFO = "info"
    QUIET = "quiet"


ICON_OF = {
    Tone.OK: "check-circle",
    Tone.ATTENTION: "exclamation-triangle",
    Tone.DANGER: "x-circle",
    Tone.INFO: "information-circle",
    Tone.QUIET: "minus-circle",
}


@dataclass(frozen=True)
class Status:
    """`icon` is the name of a heroicon (micro); left empty, the tone's own."""

    word: str
    tone: Tone = Tone.QUIET
    icon: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "icon", self.icon or ICON_OF[self.tone])


class Tick(StrEnum):
    """How far one of the three facts approved, applied, verified has come."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    HELD = "held"  # observe-only, freeze: nothing is wrong, nothing is sent


@dataclass(frozen=True)
class Ticks:
    """Approved, applied and verified are three facts; a page never merges them. Of what is to go
    again, `applied` is said as "taken back".
    """

    approved: Tick = Tick.WAITING
    applied: Tick = Tick.WAITING
    verified: Tick = Tick.WAITING
    goes: bool = False

    def __iter__(self):  # type: ignore[no-untyped-def]
        """(word, tick, icon) of each, in this order: what the template draws."""
        for name in ("approved", "applied", "verified"):
            tick = getattr(self, name)
            word = "taken back" if self.goes and name == "applied" else name
            yield word, tick, _TICK_ICONS[tick]


_TICK_ICONS = {
    Tick.DONE: "check",
    Tick.WAITING: "ellipsis-horizontal",
    Tick.FAILED: "x-mark",
    Tick.HELD: "pause",
}
