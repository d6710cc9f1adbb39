"""Where a grant stands: computed from window, ledger and read-back, never stored. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.kernel.windows import Window


class Phase(StrEnum):
    UPCOMING = "upcoming"
    STARTING = "starting"
    ON = "on"
    ENDING = "ending"
    OVER = "over"


LIVE = (Phase.STARTING, Phase.ON, Phase.ENDING)


@dataclass(frozen=True)
class Standing:
    """`verified` says that Azure was read back with the capacity that the ledger wants now.
    `not_applied_because`: why Azure has not got the newest edge, which of one that is ending is its
    end.
    """

    phase: Phase
    approved: bool
    applied: bool
    verified: bool
    not_applied_because: str = ""


def standing_of(
    *,
    entry: Window,
    shown: Window,
    at: datetime,
    matches_azure: bool,
    verified: bool,
    why_not: str = "",
) -> Standing:
    """`entry` is the ledger window (it begins a lead earlier than the `shown` one).

    `matches_azure`: Azure, when last read, had what the ledger wants. Applied means so within the
    entry; a grant that Azure does not have is approved only, and says why.
    """
    if at < entry.start:
        return Standing(Phase.UPCOMING, True, False, False)
    if at >= entry.end:
        phase = Phase.OVER if matches_azure else Phase.ENDING
        return Standing(phase, True, False, matches_azure and verified, why_not)
    phase = Phase.ON if at >= shown.start and matches_azure else Phase.STARTING
    return Standing(phase, True, matches_azure, matches_azure and verified, why_not)
