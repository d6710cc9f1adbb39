"""The services of one's own teams, for the home page: what each holds, its burst, what is open."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from portal.models import User
from quotas.domain.grants import LIVE, Phase
from quotas.domain.states import WAITING_REQUEST_STATES, RequestState
from quotas.models import CapacityRequest, Membership, Service
from quotas.selectors.holdings import Holding, holdings_of
from quotas.selectors.requests import RequestRow, request_rows, with_names
from quotas.selectors.service_page import STILL_ENDING

AHEAD = timedelta(days=30)


@dataclass(frozen=True)
class OwnService:
    """`burst` is the one that is on (the last to end), else the next one within 30 days."""

    service: Service
    holding: Holding
    burst: RequestRow | None
    may_request: bool


@dataclass(frozen=True)
class OwnServices:
    """`open` are requests for these services that nobody has answered yet, by their start."""

    services: list[OwnService] = field(default_factory=list)
    open: list[RequestRow] = field(default_factory=list)
    is_in_a_team: bool = False

    @property
    def may_request(self) -> list[OwnService]:
        return [own for own in self.services if own.may_request]


def own_services(user: User, *, at: datetime) -> OwnServices:
    """Of the teams that this person is in, whatever else they may see; retired ones left out.

    Three queries for any number of services, and four more while bursts are granted.
    """
    if not user.team_roles:
        return OwnServices()
    rows = Service.objects.filter(team__in=user.team_roles).in_use()
    services = list(rows.select_related("team"))
    holdings = holdings_of([service.pk for service in services], at=at)
    requests = request_rows(_requests(services, at=at), at=at)
    return OwnServices(
        services=[
            OwnService(
                service,
                holdings.get(service.pk, Holding()),
                _burst(service, requests),
                _may_request(service, user),
            )
            for service in services
        ],
        open=[row for row in requests if row.grant is None],
        is_in_a_team=True,
    )


def _requests(services: list[Service], *, at: datetime) -> list[CapacityRequest]:
    """Open ones, and granted ones that are on or come within 30 days."""
    granted = Q(
        state=RequestState.APPROVED,
        kind__in=["burst", "extension"],
        ends_at__gt=at - STILL_ENDING,
        starts_at__lt=at + AHEAD,
    )
    waiting = Q(state__in=sorted(WAITING_REQUEST_STATES))
    rows = CapacityRequest.objects.filter(service__in=services).filter(granted | waiting)
    return list(with_names(rows).order_by("starts_at", "pk"))


def _burst(service: Service, requests: list[RequestRow]) -> RequestRow | None:
    mine = [row for row in requests if row.grant and row.service_slug == service.slug]
    live = [row for row in mine if row.grant and row.grant.phase in LIVE]
    if live:
        return max(live, key=lambda row: row.ends_at)
    return next((row for row in mine if row.grant and row.grant.phase == Phase.UPCOMING), None)


def _may_request(service: Service, user: User) -> bool:
    """As `ServiceQuerySet.may_request`, of rows that are here already."""
    is_lead = user.team_roles[service.team_id] == Membership.Role.LEAD
    return is_lead or user.pk in (service.owner_id, service.deputy_id)
