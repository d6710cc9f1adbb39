"""Who hears of something that nobody asked for: owners of services, and of pools; and why somebody
counts as gone.
"""

from collections.abc import Iterable

from portal.models import Role, User
from quotas.models import CapacityRequest, Pool, Service


def platform_owners() -> set[int]:
    return set(
        User.objects.filter(role_grants__role=Role.PLATFORM_OWNER).values_list("pk", flat=True)
    )


def operators_of(pool: Pool) -> set[int]:
    """The owners of the pool, or of the platform where it has none who still signs in."""
    own = set(pool.owners.filter(is_active=True).values_list("pk", flat=True))
    return own or platform_owners()


def operators_of_any() -> set[int]:
    """The owners of the platform, and of every pool that Azure still has."""
    pools = Pool.objects.listed()
    owners = User.objects.filter(owned_pools__in=pools, is_active=True)
    return platform_owners() | set(owners.values_list("pk", flat=True))


def owners_of(service: Service) -> set[int]:
    """Who answers for the service: its owner and the deputy."""
    return _known([service.owner_id, service.deputy_id])


def holders_of(request: CapacityRequest) -> set[int]:
    """Who asked, for whom, and who answers for the service. Needs `service`."""
    return _known([request.requester_id, request.on_behalf_of_id]) | owners_of(request.service)


def _known(ids: Iterable[int | None]) -> set[int]:
    return {person for person in ids if person is not None}


def gone_because(person: User) -> str:
    """Of somebody who is gone: the beginning of a sentence that says why."""
    if not person.is_active:
        return f"{person.display_name} is no longer active"
    seen = person.last_seen_at
    since = f"not been seen since {seen:%d %b %Y}" if seen else "never been here"
    return f"{person.display_name} has {since} and counts as gone"
