"""What the last burst used, as evidence on the next."""

from decimal import Decimal

from quotas.gateway import UsageEvidence
from quotas.selectors.standing import PastBurst, Reports


def last_share(
    past: tuple[PastBurst, ...],
    usage: UsageEvidence,
    reports: Reports,
) -> Decimal | None:
    """Of the last burst; as its report has it where the minutes are not there any more."""
    if not past:
        return None
    number = past[0][0]
    used = usage.used_share_of_past_bursts.get(number)
    if used is None:
        used = reports.get(number, {}).get("peak_share")
    return None if used is None else Decimal(str(round(used, 4)))
