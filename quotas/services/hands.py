"""What a step has at hand, and how it asks Azure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from quotas.gateway import CapacityGateway, DeploymentSeen, WriteAnswer
from quotas.models import Change, Deployment
from quotas.services.retries import LONGEST_POLL

READY_STATES = {"succeeded"}


@dataclass(frozen=True)
class Hand:
    """Who makes a step: it began at `at`, and calls may have taken their time since."""

    gateway: CapacityGateway
    holder: str
    at: datetime
    now: Callable[[], datetime]

    def next_poll(self, answer: WriteAnswer, *, written_at: datetime) -> datetime:
        """Not before Azure asked for it, and what runs for long is asked about less often."""
        answered_at = self.now()
        age = min((answered_at - written_at) / 4, LONGEST_POLL)
        return answered_at + max(answer.retry_after, age)


def read_back(change: Change, hand: Hand) -> DeploymentSeen:
    seen = hand.gateway.read(change.deployment.resource_id)
    Deployment.objects.filter(pk=change.deployment_id).update(
        capacity_units=seen.capacity_units,
        provisioning_state=seen.provisioning_state,
        observed_at=hand.at,
    )
    change.deployment.capacity_units = seen.capacity_units
    return seen


def is_ready(seen: DeploymentSeen) -> bool:
    """Azure shows a capacity that was asked for before it is there; only this state means it is."""
    return seen.provisioning_state.lower() in READY_STATES


def request_id_of(change: Change) -> str:
    """Shown in Azure's activity log as the client's request id: finds our change from Azure's
    side.
    """
    return f"headroom-change-{change.pk}-{change.attempts}"
