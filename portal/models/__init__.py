"""Nouns of the ground floor: people and their roles, the clock's offset, the audit row."""

from portal.models.audit import AuditRow
from portal.models.clock import ClockOffset
from portal.models.people import Role, RoleGrant, User

__all__ = ["AuditRow", "ClockOffset", "Role", "RoleGrant", "User"]
