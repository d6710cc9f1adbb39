"""The part of those who operate pools: what to decide, what is stuck, what is on."""

from dataclasses import dataclass
from datetime import datetime

from portal.models import User
from quotas.selectors.home import Waiting, waiting_for
from quotas.selectors.ownerless import Ownerless, ownerless_services
from showback.selectors.history import Pieces, unfinished_history


@dataclass(frozen=True)
class PlatformWork:
    waiting: Waiting
    history: Pieces | None
    ownerless: Ownerless | None
    at: datetime

    @property
    def first_is_late(self) -> bool:
        """Whether the most urgent request has waited for too long."""
        return bool(self.waiting.first) and self.waiting.first.is_late(self.at)

    @property
    def is_calm(self) -> bool:
        found = self.waiting
        return not (
            found.inbox_count or found.stuck.total or found.watched.total or found.unmapped_count
        )


def platform_work(user: User, *, at: datetime) -> PlatformWork:
    waiting = waiting_for(user, at=at)
    tells_owners = user.is_platform_owner and waiting.ownerless_count
    return PlatformWork(
        waiting=waiting,
        history=unfinished_history(at=at),
        ownerless=ownerless_services(user, at=at) if tells_owners else None,
        at=at,
    )
