"""Doors for beat: mail, in a task with limits of its own, so a slow server holds up nothing."""

from celery import shared_task

from portal.kernel.clock import now
from portal.outbox import delivery, digests


# Over the budget of a run, for a server that answers one byte at a time.
@shared_task(acks_late=True, soft_time_limit=45, time_limit=60)
def deliver_mail() -> None:
    digests.make_digests(at=now())
    delivery.deliver_due(at=now())
