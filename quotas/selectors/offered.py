"""What could be asked instead, as buttons: each says what it changes, and fills the form in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.http import urlencode
from django.utils.timezone import get_current_timezone

from portal.kernel import formatting_times
from portal.kernel.windows import FOREVER, Window
from quotas.domain.options import Change, Option
from quotas.domain.policy_rules import Outcome
from quotas.models import Deployment
from quotas.selectors import words
from quotas.selectors.amounts import typed

OUTCOMES = {Outcome.AUTO: "approved at once", Outcome.STAGES: "people decide"}


@dataclass(frozen=True)
class Offer:
    """`sets` names fields and their values, as a query; `is_elsewhere`: the form of another
    deployment, a page of its own.
    """

    sets: str
    label: str
    hint: str
    is_elsewhere: bool = False


def offers_of(
    options: list[Option],
    deployments: Mapping[int, Deployment],
    asked: Window,
    *,
    now: datetime,
) -> list[Offer]:
    """In the order of the options; `asked` is the window that they are instead of."""
    return [_offer(option, deployments[option.source], asked, now=now) for option in options]


def _offer(option: Option, deployment: Deployment, asked: Window, *, now: datetime) -> Offer:
    return Offer(
        sets=urlencode(_values(option, deployment)),
        label=f"{_label(option, deployment, now=now)} instead",
        hint=", ".join(part for part in _hints(option, deployment, asked, now=now) if part),
        is_elsewhere=Change.PLACE in option.changes,
    )


def _values(option: Option, deployment: Deployment) -> dict[str, Any]:
    changes, found = option.changes, {}
    if changes & {Change.AMOUNT, Change.PLACE}:
        amount = f"{typed(deployment, option.units):,}"
        found |= {"amount": amount, "requests_per_minute": ""}  # the amount gives both
    if Change.WINDOW in changes:
        found |= {"starts_at": written(option.window.start), "starts_now": ""}
    if changes & {Change.WINDOW, Change.LENGTH} and option.window.end < FOREVER:
        found["ends_at"] = written(option.window.end)
    if Change.PLACE in changes:
        found["deployment"] = str(deployment.pk)
    return found


def written(at: datetime) -> str:
    """As a field of the form holds it, in the person's zone."""
    return at.astimezone(get_current_timezone()).strftime(words.INPUT_FORMAT)


def _label(option: Option, deployment: Deployment, *, now: datetime) -> str:
    amount = words.amount(deployment, option.units)
    start = words.moment(option.window.start, now=now)
    if Change.PLACE in option.changes:
        less = f" for {amount}" if Change.AMOUNT in option.changes else ""
        later = f" from {start}" if Change.WINDOW in option.changes else ""
        return f"Use {deployment}{less}{later}"
    if Change.AMOUNT in option.changes:
        return f"Ask for {amount}"
    if Change.LENGTH in option.changes:
        return f"End {words.moment(option.window.end, now=now)}"
    return f"Start {start}"


def _hints(option: Option, deployment: Deployment, asked: Window, *, now: datetime) -> list[str]:
    changes, cut = option.changes, round(float(option.cut) * 100)
    return [
        words.pool_name(deployment.pool) if Change.PLACE in changes and deployment.pool else "",
        _distance(option.window.start - asked.start) if Change.WINDOW in changes else "",
        f"{cut} % less" if Change.AMOUNT in changes else "",
        f"{cut} % shorter" if Change.LENGTH in changes else "",
        OUTCOMES.get(option.outcome, "") if option.outcome else "",
    ]


def _distance(gap: timedelta) -> str:
    return f"{formatting_times.duration(abs(gap))} {'later' if gap > timedelta(0) else 'earlier'}"
