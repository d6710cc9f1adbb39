"""Services whose owner is gone: which they are, and who acts for them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from portal.models import User
from quotas.models import Service
from quotas.selectors.people import gone_because

MOST_NAMES = 5


@dataclass(frozen=True)
class Ownerless:
    """`named` are the first of `count`, as (name, slug); for `unattended` nobody acts at all."""

    count: int
    named: list[tuple[str, str]]
    unattended: int

    @property
    def others(self) -> int:
        return self.count - len(self.named)


def services_without_owner(user: User, *, at: datetime) -> QuerySet[Service]:
    """Those in use that the person may see. Not sandboxes: those end by themselves."""
    seen = Service.objects.visible_to(user).filter(sandbox__isnull=True)
    return seen.in_use().filter(owner__in=User.objects.gone_at(at)).distinct()


def ownerless_services(user: User, *, at: datetime) -> Ownerless:
    """First those for which nobody acts. One query."""
    gone = services_without_owner(user, at=at).select_related("deputy")
    found = sorted(gone, key=lambda service: (_has_deputy(service, at), service.name))
    return Ownerless(
        len(found),
        [(service.name, service.slug) for service in found[:MOST_NAMES]],
        sum(not _has_deputy(service, at) for service in found),
    )


def acting(service: Service, *, at: datetime) -> str:
    """Of a service whose owner is gone: who acts."""
    deputy = service.deputy
    return f"{deputy.display_name} acts" if deputy and _has_deputy(service, at) else "nobody acts"


def owner_note(service: Service, *, at: datetime) -> str:
    """For the page of a service whose owner is gone; empty for any other."""
    if not service.owner.is_gone(at):
        return ""
    deputy = service.deputy
    if deputy and _has_deputy(service, at):
        then = f"{deputy.display_name}, the deputy, acts for it until another owner is named."
    else:
        then = "Nobody acts for it, so nothing more can be asked. Name another owner."
    return f"{gone_because(service.owner)}. {then}"


def _has_deputy(service: Service, at: datetime) -> bool:
    return service.deputy is not None and not service.deputy.is_gone(at)
