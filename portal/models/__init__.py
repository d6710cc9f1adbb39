"""Nouns of the ground floor: people and their roles, the clock's offset, audit row, messages."""

from portal.models.audit import AuditRow
from portal.models.clock import ClockOffset
from portal.models.outbox import Letter, MailMode, MailWish, Message, Notice
from portal.models.people import Role, RoleGrant, User

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
    "User",
]
