"""Doors for the schedule in settings: one service call each, safe to run twice."""

import logging
from datetime import timedelta

from celery import shared_task

from portal.kernel.clock import now
from showback.services import backfill as history
from showback.services import compaction, retention, rollup
from showback.services.caller_pull import pull_recent_callers
from showback.services.usage_pull import NIGHTLY
from showback.services.usage_pull import pull_recent as pull

logger = logging.getLogger(__name__)

# Well below the 15 s after which the next one is due to be taken.
BACKFILL_SECONDS = 10.0
# Below the soft time limit; a backlog of months goes on the next night.
COMPACT_SECONDS = 600.0


@shared_task(acks_late=True)
def pull_usage() -> None:
    """The current and the previous hour."""
    pull(timedelta(hours=1), at=now())


@shared_task(acks_late=True)
def pull_recent() -> None:
    """The last six hours: what came late."""
    pull(timedelta(hours=6), at=now())


@shared_task(acks_late=True)
def pull_nightly() -> None:
    """The last two days: what came very late."""
    pull(NIGHTLY, at=now())


@shared_task(acks_late=True)
def pull_callers() -> None:
    """Callers of shared deployments: the current and the previous hour."""
    pull_recent_callers(timedelta(hours=1), at=now())


@shared_task(acks_late=True)
def pull_late_callers() -> None:
    """The last six hours of them."""
    pull_recent_callers(timedelta(hours=6), at=now())


@shared_task(acks_late=True)
def pull_callers_nightly() -> None:
    """The last two days of them."""
    pull_recent_callers(NIGHTLY, at=now())


@shared_task(acks_late=True)
def backfill() -> None:
    """A few seconds of history, newest first."""
    history.backfill_for(BACKFILL_SECONDS, at=now())


@shared_task(acks_late=True)
def roll_up_and_cost() -> None:
    """Days whose use, holders or mapping changed, and today."""
    rollup.roll_up_and_cost(at=now())


@shared_task(acks_late=True)
def compact_minutes() -> None:
    """Days that no regular pull changes any more, into compressed blocks."""
    compaction.compact_for(COMPACT_SECONDS, at=now())


@shared_task(acks_late=True)
def drop_old_usage() -> None:
    """What is older than the settings keep, and next month's partitions."""
    for sentence in retention.tidy(at=now()).kept_back:
        logger.warning("%s", sentence)
