"""How far Azure's clock and ours are apart, as the `Date` of an answer tells."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# `Date` is cut to seconds, an answer takes some, and minutes settle for three: less is no matter.
TOLERATED = timedelta(seconds=30)
TOLD_FROM = timedelta(minutes=1)


def behind_by(date: str | None, began: datetime, ended: datetime) -> timedelta:
    """How far Azure's clock is behind ours, negative when ahead; nought within what is tolerated,
    or where the answer has no readable `Date`. Times are real ones, around the call.
    """
    try:
        theirs = parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        return timedelta()
    if theirs > ended:
        behind = ended - theirs
    else:
        behind = max(timedelta(), began - theirs - timedelta(seconds=1))
    return behind if abs(behind) > TOLERATED else timedelta()


def sentence_of(behind: timedelta) -> str:
    """What a person reads, "" where the clocks agree well enough."""
    if abs(behind) < TOLD_FROM:
        return ""
    minutes = round(abs(behind) / timedelta(minutes=1))
    words = f"{minutes} minute{'' if minutes == 1 else 's'}"
    remedy = "Let the portal's machines set their clock by NTP."
    if behind > timedelta():
        return (
            f"The portal's clock is {words} ahead of Azure's: the newest minutes are read once "
            f"Azure's clock has passed them. {remedy}"
        )
    return (
        f"The portal's clock is {words} behind Azure's: use is read that much later than it "
        f"could be. {remedy}"
    )
