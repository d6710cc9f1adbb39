"""Telling people: `outbox.tell(Event.…, who, …)`, inside the transaction of what happened."""

from portal.outbox.kinds import Event
from portal.outbox.telling import key_of, nothing_to_decide, take_back, tell, told_already

__all__ = ["Event", "key_of", "nothing_to_decide", "take_back", "tell", "told_already"]
