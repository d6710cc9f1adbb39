"""The one way to write an audit row: called by a service, inside its transaction."""

from datetime import datetime
from typing import Any

from portal.models import AuditRow


def record(verb: str, subject: str, *, actor_id: int | None, at: datetime, **detail: Any) -> None:
    """`verb` is noun.past-tense ("burst.approved"); `detail` must be JSON (ids and numbers, no
    names).
    """
    AuditRow.objects.create(at=at, actor_id=actor_id, verb=verb, subject=subject, detail=detail)
