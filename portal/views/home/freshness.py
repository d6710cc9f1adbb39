"""How fresh the data is, by where it comes from: one line each, for those who look after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from portal.kernel.status import Status, Tone
from quotas.selectors.sync_health import LATE_AFTER as SYNC_LATE_AFTER
from quotas.selectors.sync_health import sync_health
from showback.selectors.data_age import slowest, worked_out_at
from showback.selectors.pipeline_health import SourceHealth, source_health

# The roll-up runs each minute, and a run may take half of one.
ROLL_UP_LATE_AFTER = timedelta(minutes=10)
FRESH = Status("Fresh", Tone.OK)
BEHIND = Status("Behind", Tone.ATTENTION)
TROUBLE = Status("In trouble", Tone.ATTENTION)
NOT_READ = Status("Not read yet", Tone.ATTENTION)
NOT_USED = Status("Not in use", Tone.QUIET)


@dataclass(frozen=True)
class Fresh:
    """One source, known up to `at` in its slowest part; `section` is one of the health page.

    `words` say what went wrong or what to do, empty where nothing is.
    """

    name: str
    at: datetime | None
    status: Status
    section: str
    words: str = ""


@dataclass(frozen=True)
class Freshness:
    sources: list[Fresh]

    @property
    def data_until(self) -> datetime | None:
        """Of Azure Monitor: the first source."""
        return self.sources[0].at


def freshness(*, at: datetime) -> Freshness:
    """Of metrics, gateway logs, inventory, limits and the roll-up. Three queries."""
    pulls = source_health(at=at)
    gateways = [pull for pull in pulls if pull.is_gateway]
    syncs = sync_health(settings.HEADROOM_SUBSCRIPTIONS, at=at)
    sync_ends = [sync.ended_at for sync in syncs]
    sync_troubles = [sentence for sync in syncs for sentence in sync.problems]
    inventory_at = None if None in sync_ends else slowest(sync_ends)
    limits_at = slowest(sync.limits_read_at for sync in syncs)
    return Freshness(
        [
            _of_pulls("Azure Monitor metrics", [p for p in pulls if not p.is_gateway]),
            _of_pulls("Gateway logs", gateways)
            if gateways or settings.HEADROOM_LOG_WORKSPACES
            else Fresh("Gateway logs", None, NOT_USED, "usage", "No workspace is in the settings."),
            _of_job("Inventory", inventory_at, SYNC_LATE_AFTER, at, "syncs", sync_troubles),
            _of_job("Quota limits", limits_at, SYNC_LATE_AFTER, at, "syncs"),
            _of_job("Costs worked out", worked_out_at(), ROLL_UP_LATE_AFTER, at, "usage"),
        ]
    )


def _of_pulls(name: str, pulls: list[SourceHealth]) -> Fresh:
    until = slowest(pull.until for pull in pulls)
    if problem := next((pull.problem for pull in pulls if pull.problem), ""):
        return Fresh(name, until, TROUBLE, "usage", problem)
    return _plain(name, until, "usage", is_late=any(pull.is_late for pull in pulls))


def _of_job(
    name: str, done: datetime | None, late_after: timedelta, at: datetime, section: str,
    problems: Sequence[str] = (),
) -> Fresh:  # fmt: skip
    if problems:
        return Fresh(name, done, TROUBLE, section, problems[0])
    return _plain(name, done, section, is_late=done is None or at - done > late_after)


def _plain(name: str, at: datetime | None, section: str, *, is_late: bool) -> Fresh:
    if at is None:
        return Fresh(name, at, NOT_READ, section, "Look whether worker and scheduler run.")
    if is_late:
        return Fresh(name, at, BEHIND, section, "Look whether worker and scheduler run.")
    return Fresh(name, at, FRESH, section)
