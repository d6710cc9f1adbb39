"""What the page of one service needs of quotas: owner card, what it holds, its bursts, changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.kernel.shown import Shown
from portal.models import User
from quotas.domain.grants import LIVE, Phase
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Change, Deployment, Expectation, Service
from quotas.selectors import words
from quotas.selectors.changes import ChangeRow, change_rows, changes_of, changes_of_sandbox
from quotas.selectors.expectations import STILL_OPEN, Plan, plans_of
from quotas.selectors.holdings import DeploymentHolding, Holding
from quotas.selectors.newest_changes import newest_changes
from quotas.selectors.onboarding import may_name_owners, may_register_for
from quotas.selectors.ownerless import owner_note
from quotas.selectors.requests import RequestRow, request_rows, with_names
from quotas.selectors.service_capacity import ServiceCapacity
from quotas.selectors.spillover import spillover_problem
from quotas.selectors.unmapped import may_unmap

RECENT = 8
# A burst that ended this long ago may still be on its way out of Azure.
STILL_ENDING = timedelta(days=2)


@dataclass(frozen=True)
class HeldRow:
    """One deployment of the service: what the ledger holds, and what Azure had when last read."""

    id: int
    name: str
    model: str
    sku: str
    pool: str
    pool_id: int | None
    baseline: Shown
    burst: Shown
    in_azure: Shown
    is_provisioned: bool
    observe_only: bool
    spills_to: str  # the deployment that takes what a provisioned one refuses; "" for none
    may_unmap: bool
    spills_wrong: str  # what is wrong with that one, the end of a sentence

    @property
    def lacks_spillover(self) -> bool:
        return self.is_provisioned and not self.spills_to


@dataclass(frozen=True)
class ServicePage:
    """`running` bursts are starting, on or ending; `upcoming` begin later, soonest first."""

    owner_card: list[tuple[str, Any]]
    holding: Holding
    held: list[HeldRow]
    running: list[RequestRow]
    upcoming: list[RequestRow]
    recent: list[RequestRow]
    changes: list[ChangeRow]
    may_request: bool
    owner_note: str  # where the owner is gone
    may_name_owners: bool
    plans: list[Plan]
    may_plan: bool  # it has neither a deployment nor a plan for one
    sandbox_until: Shown | None  # of a sandbox that is live

    @property
    def running_until(self) -> datetime | None:
        """When the last of the running bursts ends."""
        return max((row.ends_at for row in self.running), default=None)


def services_with_people(user: User) -> QuerySet[Service]:
    """Those that this person may see, with all that their page tells of whose they are, whether
    this person may ask for them, and whether Azure may still show a deployment for them.
    """
    rows = Service.objects.visible_to(user).with_asking(user).distinct()
    expected = Expectation.objects.filter(STILL_OPEN, service=OuterRef("pk"))
    return rows.annotate(expects=Exists(expected)).select_related(
        "team", "owner", "deputy", "sandbox"
    )


def service_page(
    service: Service,
    user: User,
    capacity: ServiceCapacity,
    requests: Sequence[CapacityRequest],
    *,
    at: datetime,
) -> ServicePage:
    """The service must come from `services_with_people(user)`; nothing here checks that again.
    `requests` are its `newest_and_live`, and `capacity` has the ledger behind them.
    """
    holding, asks = capacity.holding, service.may_request  # type: ignore[attr-defined]
    mapped = [row for row in capacity.deployments if row.service_id == service.pk]
    deployments = [row for row in mapped if row.gone_at is None]
    # A sandbox holds a part of a deployment that is not its own.
    deployments += [h.deployment for h in holding.deployments if h.deployment not in deployments]
    expects = service.expects  # type: ignore[attr-defined]
    plans = plans_of(service, user, asks=asks) if expects else []
    changes = _changes(service, deployments, requests, user)
    rows = _rows(requests, capacity, changes, at=at)
    return ServicePage(
        owner_card=owner_card(service),
        holding=holding,
        held=_held(deployments, holding, may_unmap(user, mapped)),
        running=rows.running,
        upcoming=rows.upcoming,
        recent=rows.recent,
        changes=changes_of_sandbox(service, user, at=at)
        if hasattr(service, "sandbox")
        else change_rows([each for each in changes if each.is_listed], user, at=at),
        may_request=asks,
        plans=plans,
        may_plan=_is_to_be_planned(service, deployments, plans)
        and may_register_for(service.team, user),
        owner_note=owner_note(service, at=at),
        may_name_owners=asks or (user.is_platform_owner and may_name_owners(service, user)),
        sandbox_until=_sandbox_until(service, at=at),
    )


def _is_to_be_planned(service: Service, deployments: list[Deployment], plans: list[Plan]) -> bool:
    return service.lifecycle == Service.Lifecycle.PROPOSED and not deployments and not plans


def owner_card(service: Service) -> list[tuple[str, Any]]:
    """(label, value) for components/facts.html; None where nobody has said."""
    return [
        ("Team", service.team.name),
        ("Owner", service.owner.display_name),
        ("Deputy", service.deputy.display_name if service.deputy else None),
        ("Tier", service.get_tier_display()),
        ("Environment", service.get_environment_display()),
        ("Purpose", service.purpose),
        ("People it serves", service.user_population),
        ("If throttled", service.if_throttled),
        ("Proof metric", service.proof_metric),
        ("Class of data", service.get_data_class_display() or None),
        ("Data stays", service.get_data_residency_display()),
        ("Lifecycle", service.get_lifecycle_display()),
    ]


def _sandbox_until(service: Service, *, at: datetime) -> Shown | None:
    sandbox = getattr(service, "sandbox", None)
    is_live = sandbox is not None and sandbox.ended_at is None and sandbox.ends_at > at
    return words.moment(sandbox.ends_at, now=at) if is_live else None


@dataclass(frozen=True)
class _Requests:
    running: list[RequestRow]
    upcoming: list[RequestRow]
    recent: list[RequestRow]


def newest_and_live(service: Service, user: User, *, at: datetime) -> list[CapacityRequest]:
    """The newest requests, and all bursts that are not over: many are both. One query. No drafts of
    others.
    """
    mine = CapacityRequest.objects.filter(service=service).without_drafts_of_others(user)
    newest = mine.order_by("-pk").values("pk")[:RECENT]
    bursts = Q(state=RequestState.APPROVED, ends_at__gt=at - STILL_ENDING)
    return list(with_names(mine.filter(bursts | Q(pk__in=newest))).order_by("starts_at", "pk"))


def _changes(
    service: Service,
    deployments: Sequence[Deployment],
    requests: Sequence[CapacityRequest],
    user: User,
) -> list[Any]:
    """Those of the page's list, and those that tell how far its requests are. One query. A sandbox
    lists others.
    """
    ids = {row.deployment_id for row in requests if row.state == RequestState.APPROVED}
    own = [] if hasattr(service, "sandbox") else [each.pk for each in deployments]
    return changes_of(own, user, beside=newest_changes(ids, over=ids), others=ids)


def _rows(
    requests: Sequence[CapacityRequest],
    capacity: ServiceCapacity,
    changes: Sequence[Change],
    *,
    at: datetime,
) -> _Requests:
    rows = request_rows(requests, at=at, ledger=capacity.ledger, changes=changes)
    over = at - STILL_ENDING
    alive = {request.pk for request in requests if request.ends_at and request.ends_at > over}
    phases = [(row, row.grant.phase) for row in rows if row.grant and row.id in alive]
    return _Requests(
        running=[row for row, phase in phases if phase in LIVE],
        upcoming=[row for row, phase in phases if phase == Phase.UPCOMING],
        recent=sorted(rows, key=lambda row: -row.id)[:RECENT],
    )


def _held(deployments: list[Deployment], holding: Holding, to_unmap: set[int]) -> list[HeldRow]:
    by_id = {each.deployment.pk: each for each in holding.deployments}
    return [
        _held_row(d, by_id.get(d.pk, DeploymentHolding(d)), may_unmap=d.pk in to_unmap)
        for d in deployments
    ]


def _held_row(deployment: Deployment, held: DeploymentHolding, *, may_unmap: bool) -> HeldRow:
    return HeldRow(
        id=deployment.pk,
        name=str(deployment),
        model=f"{deployment.model_name} {deployment.model_version}",
        sku=deployment.sku_name,
        pool=words.pool_name(deployment.pool) if deployment.pool else "",
        pool_id=deployment.pool_id,
        baseline=words.amount(deployment, held.baseline_units),
        burst=words.amount(deployment, held.burst_units),
        in_azure=words.amount(deployment, deployment.capacity_units),
        is_provisioned=deployment.is_provisioned,
        observe_only=not (deployment.pool and deployment.pool.applies),
        spills_to=deployment.spillover_deployment_name,
        may_unmap=may_unmap,
        # A sandbox's is another's, who is told of it.
        spills_wrong=spillover_problem(deployment) if hasattr(deployment, "spill_target") else "",
    )
