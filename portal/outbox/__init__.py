"""Telling people: `outbox.tell(Event.…, who, …)`, inside the transaction of what happened."""

from portal.outbox.kinds import Event
from portal.outbox.telling import nothing_to_decide, take_back, tell

__all__ = ["Event", "nothing_to_decide", "take_back", "tell"]
