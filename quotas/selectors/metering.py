"""What showback needs to know of quotas: which deployments to meter, who holds them, who may see
whom.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import starmap
from typing import NamedTuple

from django.db.models import Case, Count, Q, When
from django.db.models import Window as OverAll
from django.db.models.functions import Coalesce

from portal.kernel.windows import Window
from portal.models import User
from quotas.models import Deployment, LedgerEntry, Service, Team

# A reversal counts against the kind of what it takes back.
OF_KIND = Coalesce("reverses__kind", "kind")
# An account and what it holds are first seen in one look, which takes its time.
FIRST_LOOK = timedelta(hours=1)


@dataclass(frozen=True)
class MeteredDeployment:
    """One deployment as showback needs it. `service_id` is None while nobody has mapped it."""

    id: int
    account_resource_id: str
    account_key: str  # the same in lower case
    name: str
    subscription_id: str
    region: str
    model_name: str
    model_version: str
    sku_name: str
    is_provisioned: bool
    tokens_per_minute_per_unit: int | None
    requests_per_minute_per_unit: int | None
    spillover_deployment_name: str  # "" where nothing spills over
    service_id: int | None
    first_seen_at: datetime
    gone_at: datetime | None
    capacity_units: int  # what Azure had deployed at `observed_at`
    observed_at: datetime
    subdomain: str = ""  # of the account's own host, lower case; "" where it has none
    model_format: str = ""  # the publisher; "" is taken as OpenAI
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)  # its account's too
    account_first_seen_at: datetime | None = None
    went_with_account: bool = False  # Azure has no metrics of an account that is gone

    @property
    def came_at(self) -> datetime | None:
        """When it appeared in an account that was known; None: it was there when we first looked.

        Before it came nothing can be missing; before we looked everything may be.
        """
        if self.account_first_seen_at is None:
            return self.first_seen_at
        was_known = self.first_seen_at - self.account_first_seen_at > FIRST_LOOK
        return self.first_seen_at if was_known else None


class ServiceName(NamedTuple):
    id: int
    slug: str
    name: str
    team_id: int
    team_slug: str
    team_name: str


@dataclass(frozen=True)
class HeldSpan:
    """Ledger entries clipped to a window; reversals are negative, so sums are what was held."""

    deployment_id: int
    service_id: int | None
    units: int
    kind: str
    window: Window


@dataclass(frozen=True)
class TeamName:
    id: int
    slug: str
    name: str


def metered_deployments(
    *,
    including_gone_since: datetime | None = None,
    ids: Iterable[int] | None = None,
    service_ids: Iterable[int] | None = None,
    account_keys: Iterable[str] | None = None,
    spill_over: bool = False,
) -> list[MeteredDeployment]:
    """Every deployment that exists, and those that went away after the given moment; of these, if
    named, only some: by their ids, by the services they are mapped to, by their accounts, or those
    that spill over.
    """
    there = Q(gone_at__isnull=True)
    if including_gone_since is not None:
        there |= Q(gone_at__gte=including_gone_since)
    rows = Deployment.objects.select_related("account").filter(there)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    if service_ids is not None:
        rows = rows.filter(service__in=list(service_ids))
    if account_keys is not None:
        rows = rows.filter(account__resource_key__in=list(account_keys))
    if spill_over:
        rows = rows.exclude(spillover_deployment_name="")
    return [metered(row) for row in rows.order_by("id")]


def deployments_of_service(service_id: int, window: Window) -> list[MeteredDeployment]:
    """Mapped to the service, or held by it at some time of the window; none that went away before
    it.
    """
    rows = Deployment.objects.select_related("account").filter(of_service(service_id, window))
    return [metered(row) for row in rows.order_by("id")]


def of_service(service_id: int, window: Window) -> Q:
    """The condition behind `deployments_of_service`."""
    held = LedgerEntry.objects.filter(service=service_id).touching(window).exclude(kind="reserve")
    mine = Q(service=service_id) | Q(pk__in=held.order_by().values("deployment"))
    return mine & (Q(gone_at__isnull=True) | Q(gone_at__gte=window.start))


class PresentDeployment(NamedTuple):
    """What tells where a deployment could be metered, and since when; None: for long."""

    id: int
    subscription_id: str
    region: str
    first_seen_at: datetime | None


def present_deployments(*, new_since: datetime) -> list[PresentDeployment]:
    """Every deployment that exists: cheap, for pages that ask of each whether it is metered. When
    it was first seen is told of those that are new.
    """
    new = When(first_seen_at__gt=new_since, then="first_seen_at")
    rows = (
        Deployment.objects.present()
        .order_by("id")
        .values_list("id", "account__subscription_id", "account__region", Case(new))
    )
    return list(starmap(PresentDeployment, rows))


def named_deployments(
    query: str = "", *, but: Iterable[int] = (), ids: Iterable[int] | None = None, most: int
) -> tuple[list[tuple[int, str]], int]:
    """(id, `account/deployment`) of the first few that exist and bear every word of the query, by
    name; and how many do. One query.
    """
    rows = Deployment.objects.present().exclude(pk__in=list(but))
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    for word in query.replace("/", " ").split():
        rows = rows.filter(Q(name__icontains=word) | Q(account__name__icontains=word))
    found = (
        rows.annotate(total=OverAll(Count("pk")))
        .order_by("account__name", "name", "pk")
        .values_list("pk", "account__name", "name", "total")[:most]
    )
    named = list(found)
    total = named[0][3] if named else 0
    return [(pk, f"{account}/{name}") for pk, account, name, _ in named], total


def metered(row: Deployment) -> MeteredDeployment:
    """Of a row that was read with its account."""
    return MeteredDeployment(
        id=row.pk,
        account_resource_id=row.account.resource_id,
        account_key=row.account.resource_key,
        name=row.name,
        subscription_id=row.account.subscription_id,
        region=row.account.region,
        model_name=row.model_name,
        model_version=row.model_version,
        sku_name=row.sku_name,
        is_provisioned=row.is_provisioned,
        tokens_per_minute_per_unit=row.tokens_per_minute_per_unit,
        requests_per_minute_per_unit=row.requests_per_minute_per_unit,
        spillover_deployment_name=row.spillover_deployment_name,
        service_id=row.service_id,
        first_seen_at=row.first_seen_at,
        gone_at=row.gone_at,
        capacity_units=row.capacity_units,
        observed_at=row.observed_at,
        subdomain=row.account.subdomain,
        model_format=row.model_format,
        tags=row.all_tags,
        account_first_seen_at=row.account.first_seen_at,
        went_with_account=row.gone_at is not None and row.account.last_seen_at < row.gone_at,
    )


def service_names(
    ids: Iterable[int] | None = None, *, slug: str = "", visible_to: User | None = None
) -> dict[int, ServiceName]:
    """By id; all services when neither ids nor a slug are given, and only those that a person may
    see if named.
    """
    rows = Service.objects.order_by("name", "pk")
    if slug:
        rows = rows.filter(slug=slug)
    if visible_to is not None:
        rows = rows.visible_to(visible_to)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    found = rows.values_list("pk", "slug", "name", "team_id", "team__slug", "team__name")
    return {name.id: name for name in map(ServiceName._make, found)}


def names_of(services: Iterable[Service]) -> dict[int, ServiceName]:
    """By id, of services that were read with their teams."""
    return {
        row.pk: ServiceName(row.pk, row.slug, row.name, row.team_id, row.team.slug, row.team.name)
        for row in services
    }


def team_of_services() -> dict[int, int]:
    """Team id by service id."""
    return dict(Service.objects.order_by().values_list("pk", "team_id"))


def held_spans(window: Window, *, deployment_ids: Iterable[int] | None = None) -> list[HeldSpan]:
    """Who held how many units of which deployment in the window."""
    rows = LedgerEntry.objects.touching(window).exclude(kind="reserve")
    if deployment_ids is not None:
        rows = rows.filter(deployment_id__in=list(deployment_ids))
    found = rows.order_by("effective_from", "id").values_list(
        "deployment_id", "service_id", "units", OF_KIND, "effective_from", "effective_until"
    )
    return [
        HeldSpan(of, by, units, kind, Window(max(start, window.start), min(end, window.end)))
        for of, by, units, kind, start, end in found
    ]


def team_names(user: User, *, slug: str = "") -> dict[int, TeamName]:
    """By id, the teams that a person may see; if a slug is given, the one that has it."""
    rows = Team.objects.visible_to(user).order_by()
    if slug:
        rows = rows.filter(slug=slug)
    return {pk: TeamName(pk, *names) for pk, *names in rows.values_list("pk", "slug", "name")}
