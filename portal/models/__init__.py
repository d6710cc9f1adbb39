"""Nouns of the ground floor: people, their roles and sessions, the clock's offset, audit row,
messages.
"""

from portal.models.audit import AuditRow
from portal.models.clock import ClockOffset
from portal.models.outbox import Letter, MailMode, MailWish, Message, Notice
from portal.models.people import Role, RoleGrant, User
from portal.models.session import Session

__all__ = [
    "AuditRow",
    "ClockOffset",
    "Letter",
    "MailMode",
    "MailWish",
    "Message",
    "Notice",
    "Role",
    "RoleGrant",
    "Session",
    "User",
]
