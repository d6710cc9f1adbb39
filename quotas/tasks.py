"""Doors for beat: ids and times in, one service call, safe to run twice."""

import logging

from celery import shared_task
from django.conf import settings

from portal.kernel.clock import now
from portal.kernel.errors import CloudError
from quotas.gateway import capacity_gateway
from quotas.limits_gateway import limits_gateway
from quotas.services import (
    burst_news,
    change_news,
    evidence_rows,
    expectations,
    findings,
    gateway_limits,
    grant_news,
    inventory,
    lanes,
    late_news,
    prechecks,
    reconcile,
    region_capacity,
    reminders,
    sandboxes,
    timeouts,
)

log = logging.getLogger(__name__)


@shared_task(acks_late=True)
def sync_inventory() -> None:
    """One subscription's trouble is written down and never keeps another's from being read."""
    for subscription_id in settings.HEADROOM_SUBSCRIPTIONS:
        try:
            inventory.sync_subscription(subscription_id, gateway=capacity_gateway(), at=now())
            region_capacity.note_capacities(subscription_id, gateway=capacity_gateway(), at=now())
        except CloudError as error:
            log.warning("inventory of %s: %s", subscription_id, error.sentence)
        except Exception:  # nobody foresaw it; the other subscriptions are read all the same
            log.exception("inventory of %s", subscription_id)


@shared_task(name="quotas.tasks.reconcile", acks_late=True)
def reconcile_now() -> None:
    """Plans what the ledger wants, then steps what is due, several accounts at a time."""
    reconcile.plan_all(at=now())
    lanes.apply_side_by_side(
        gateway=capacity_gateway(), now=now, lanes=settings.HEADROOM_APPLY_LANES
    )


@shared_task(acks_late=True)
def keep_gateway_limits() -> None:
    """What each service may use of a shared deployment, into the gateways that enforce it."""
    gateway_limits.keep_limits(gateway=limits_gateway(), now=now)


@shared_task(acks_late=True)
def look_ahead() -> None:
    """Looks at the edges of the next ten minutes, and says what would stop them."""
    prechecks.check_edges(gateway=capacity_gateway(), at=now())


@shared_task(acks_late=True)
def tell_news() -> None:
    """What happened by time alone: bursts and lasting changes that came or did not, what ended,
    changes that are stuck, ends that are late; and sandboxes that end soon.
    """
    late_news.tell_of_late_ends(at=now())
    burst_news.tell_of_bursts(at=now())
    grant_news.tell_of_lasting(at=now())
    change_news.tell_of_stuck(at=now())
    change_news.tell_of_snoozes_over(at=now())
    findings.tell_of_snoozes_over(at=now())
    gateway_limits.tell_of_waiting(at=now())
    sandboxes.tell_ending(at=now())


@shared_task(acks_late=True)
def time_out_requests() -> None:
    """Ends what nobody answered and sandboxes that are over, reminds and escalates, says what waits
    past its start, and keeps the evidence of open requests true. What is held for a deployment that
    nobody makes goes back.
    """
    expectations.give_back_overdue(at=now())
    timeouts.time_out_overdue(at=now())
    sandboxes.end_overdue(at=now())
    reminders.remind_waiting(at=now())
    timeouts.tell_late(at=now())
    evidence_rows.refresh_open(at=now())
