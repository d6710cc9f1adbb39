"""Telling people: `outbox.tell(Event.…, who, …)`, inside the transaction of what happened."""

from portal.outbox.kinds import Event
from portal.outbox.telling import tell

__all__ = ["Event", "tell"]
