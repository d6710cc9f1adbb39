"""The demo's past and present, lived through in order on both clocks and through the real path.

Nothing is written into tables by hand: requests are asked and decided by people, the reconciler
applies them to the simulated Azure at their time, and takes them back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.windows import DAY, HOUR, floor_to_day, floor_to_hour
from portal.management.clocks import TwoClocks
from portal.management.demo import experiments
from portal.management.stepper import advance
from portal.models import Message, User
from quotas import tasks as quotas_tasks
from quotas.limits_gateway import limits_gateway
from quotas.models import CapacityRequest, Deployment, Pool, Service
from quotas.services import decisions, gateway_products, mapping, pools
from quotas.services.asking import Draft
from quotas.services.give_back import give_back
from quotas.services.requests import submit
from showback.models import Caller
from showback.services import caller_mapping, sharing

LAB_REGION_SUBSCRIPTION = "b2b2b2b2-0000-4000-8000-00000000c0de"  # stays observe-only
STANDBY = "-standby"  # ends the name of a second home of a service
SHARED = "shared-assistant"
GATEWAY = (
    "/subscriptions/a1a1a1a1-0000-4000-8000-00000000c0de/resourceGroups/rg-ai-gateway"
    "/providers/Microsoft.ApiManagement/service/meridian-apim"
)
# Subscriptions of the gateway, and whose they are. One more is there that nobody mapped.
CALLERS = {
    "hr-helpdesk-prod": "hr-helpdesk",
    "policy-answers-prod": "policy-answers",
    "sales-briefs-prod": "sales-briefs",
    "meeting-minutes-prod": "meeting-minutes",
}
# Basis points of what no gateway counted.
SHARES = {
    "hr-helpdesk": 3500,
    "policy-answers": 3000,
    "sales-briefs": 2000,
    "meeting-minutes": 1500,
}
REFUSED_ACCOUNT = "meridian-neu"
REFUSAL: dict[str, object] = {
    "match": f"PATCH .*/accounts/{REFUSED_ACCOUNT}/deployments/.*",
    "status": 403,
    "times": 1_000_000,
    "body": {
        "error": {
            "code": "AuthorizationFailed",
            "message": (
                "The client 'headroom' does not have authorization to perform action "
                "'Microsoft.CognitiveServices/accounts/deployments/write' over scope "
                f"'/resourceGroups/rg-ai-prod-eu/providers/.../accounts/{REFUSED_ACCOUNT}'."
            ),
        }
    },
}


@dataclass(frozen=True)
class Scene:
    """Something that somebody does at a moment."""

    at: datetime
    act: Callable[[datetime], object]


def person(username: str) -> User:
    return User.objects.get(username=username)


def service(slug: str) -> Service:
    return Service.objects.select_related("owner", "team").get(slug=slug)


def beginning(today: datetime) -> datetime:
    """The first day of the month before last: two whole months are there to look at."""
    first = floor_to_day(today).replace(day=1)
    for _ in range(2):
        first = (first - DAY).replace(day=1)
    return first


def install(*, at: datetime) -> None:
    """The first sync, and what a platform owner does next: map, and switch production on."""
    quotas_tasks.sync_inventory()
    cleo = person("cleo")
    for found in Service.objects.all():
        names = (found.slug, found.slug + STANDBY)
        for deployment in Deployment.objects.filter(name__in=names, service__isnull=True):
            mapping.map_deployment(deployment, service=found, by=cleo, at=at)
    Pool.objects.update(lead=timedelta(0))  # the simulated Azure applies an edit at once
    for pool in Pool.objects.allocatable().exclude(subscription_id=LAB_REGION_SUBSCRIPTION):
        pools.switch_mode(pool, mode=Pool.Mode.APPLY, by=cleo, at=at)
    experiments.open_playground(at=at)


def share(*, at: datetime) -> None:
    """One deployment is called by several services; the split rule holds where nobody counts."""
    deployment, cleo = Deployment.objects.get(name=SHARED), person("cleo")
    sharing.share_deployment(deployment.pk, start=floor_to_hour(at), by=cleo, at=at)
    sharing.set_split_rule(
        deployment.pk,
        {service(slug).pk: share for slug, share in SHARES.items()},
        start=floor_to_hour(at),
        until=None,
        reason="Agreed with the teams behind the gateway.",
        by=cleo,
        at=at,
    )


def map_callers(*, at: datetime) -> None:
    """Every subscription of the gateway whose service is known. The pilot's is left to be found."""
    callers = Caller.objects.filter(kind=Caller.Kind.SUBSCRIPTION, key__in=CALLERS)
    chosen = {caller: service(CALLERS[caller.key]).pk for caller in callers}
    caller_mapping.map_callers(chosen, by=person("cleo"), at=at)


def limit_in_gateway(*, at: datetime) -> None:
    """Those who share the deployment are limited in the gateway that they call it through."""
    deployment, cleo = Deployment.objects.get(name=SHARED), person("cleo")
    product = gateway_products.name_product(
        deployment,
        gateway_id=GATEWAY,
        product_id="assistants",
        gateway=limits_gateway(),
        by=cleo,
        at=at,
    )
    quotas_tasks.keep_gateway_limits()
    product.refresh_from_db()
    reason = "Month-end of one must not slow down the others."
    gateway_products.switch_mode(product, mode=Pool.Mode.APPLY, reason=reason, by=cleo, at=at)
    quotas_tasks.keep_gateway_limits()


def ask(
    slug: str, units: int, start: datetime, hours: float, occasion: str, purpose: str
) -> Callable[[datetime], CapacityRequest]:
    """The lead of the team asks for a burst."""

    def act(at: datetime) -> CapacityRequest:
        draft = draft_of(slug, units, start, hours, occasion, purpose)
        return submit(draft, by=draft.service.owner, at=at)

    return act


def draft_of(
    slug: str, units: int, start: datetime, hours: float, occasion: str, purpose: str
) -> Draft:
    """A burst of the service's only deployment."""
    found = service(slug)
    return Draft(
        service=found,
        deployment=found.deployments.get(),
        units=units,
        starts_at=start,
        ends_at=start + timedelta(hours=hours),
        occasion=occasion,
        purpose=purpose,
    )


def ask_and_approve(*args: object, note: str = "") -> Callable[[datetime], object]:
    """… and Cleo approves, unless the policy has done so already."""

    def act(at: datetime) -> object:
        request = ask(*args)(at)  # type: ignore[arg-type]
        if request.state == CapacityRequest.State.APPROVED:
            return request
        return decisions.approve(request, by=person("cleo"), note=note, at=at)

    return act


def ask_and_deny(*args: object, note: str) -> Callable[[datetime], object]:
    def act(at: datetime) -> object:
        request = ask(*args)(at)  # type: ignore[arg-type]
        return decisions.deny(request, by=person("cleo"), note=note, at=at)

    return act


def give_back_last(slug: str) -> Callable[[datetime], object]:
    def act(at: datetime) -> object:
        request = CapacityRequest.objects.filter(service__slug=slug).latest("submitted_at")
        given = give_back(request, by=request.requester, reason="The incident is over.", at=at)
        quotas_tasks.reconcile_now()  # an edge that no step was planned for
        return given

    return act


def past_scenes(today: datetime) -> list[Scene]:
    """Bursts of the last two months, in the order in which they were asked."""
    day, hour = floor_to_day(today), floor_to_hour(today)
    month = day.replace(day=1)
    month_end = month - timedelta(days=3)
    before = (month - DAY).replace(day=1) - timedelta(days=3)
    launch = day - timedelta(days=33) + timedelta(hours=7)
    training = day - timedelta(days=16) + timedelta(hours=6)
    incident = day - timedelta(days=6) + timedelta(hours=9)
    scenes = [
        Scene(
            before - 5 * DAY,
            ask_and_approve("credit-memos", 60, before, 72, "month_end", "Quarter-end memos."),
        ),
        Scene(
            launch - 2 * DAY,
            ask_and_approve("sales-briefs", 60, launch, 11, "launch", "Autumn launch."),
        ),
        Scene(
            month_end - 4 * DAY,
            ask_and_approve("credit-memos", 60, month_end, 72, "month_end", "Month-end memos."),
        ),
        Scene(
            training - 3 * DAY,
            ask_and_approve("hr-helpdesk", 40, training, 58, "training", "Benefits enrolment."),
        ),
        Scene(
            incident - timedelta(minutes=10),
            ask_and_approve("care-assistant", 80, incident, 8, "incident", "Outage in billing."),
        ),
        Scene(incident + 5 * HOUR, give_back_last("care-assistant")),
        Scene(
            hour - 20 * HOUR,
            ask_and_deny(
                "lead-scoring",
                90,
                day + timedelta(days=1, hours=22),
                8,
                "other",
                "Score the whole archive again.",
                note="The archive can be scored over four nights inside your baseline.",
            ),
        ),
        Scene(
            hour - 26 * HOUR,
            ask_and_approve(
                "claims-letters",
                70,
                hour - 2 * HOUR,
                8,
                "migration",
                "Letters for the migrated portfolio.",
                note="Good: one day, and the pool has room.",
            ),
        ),
        Scene(
            hour - 25 * HOUR,
            ask_and_approve(
                "contract-review", 30, hour - HOUR, 9, "executive_demo", "Demo for the board."
            ),
        ),
        Scene(
            hour - 30 * HOUR,
            ask_and_approve(
                "proposal-writer", 30, hour - 28 * HOUR, 24, "launch", "First drafts of the tender."
            ),
        ),
        Scene(hour - 12 * DAY, experiments.try_out),
    ]
    return sorted(scenes, key=lambda scene: scene.at)


def live_through(scenes: list[Scene], clocks: TwoClocks, today: datetime) -> None:
    """Steps both clocks from scene to scene and on to `today`, applying every edge on the way."""
    for scene in scenes:
        advance(clocks, scene.at, with_schedule=False)
        scene.act(scene.at)
    advance(clocks, today, with_schedule=False)


def read_old_messages(today: datetime) -> None:
    """What was told until yesterday has been read by now; the bell counts what is new."""
    seen = today - DAY
    Message.objects.unread().filter(notice__at__lt=seen).update(read_at=seen)


def refuse_writes(clocks: TwoClocks) -> None:
    """The portal has no right to write in one account; so one change fails and says why."""
    clocks.azure.post("/faults", REFUSAL)


def edit_in_azure(clocks: TwoClocks) -> None:
    """Somebody raises a lab deployment in the Azure portal: drift."""
    clocks.azure.post(
        "/edit", {"account": "meridian-lab-eus2", "deployment": "lab-agents", "capacity": 100}
    )


def announce_retirement(clocks: TwoClocks, today: datetime) -> None:
    """Azure plans the end of a version that a service runs on, and names what follows it."""
    end = floor_to_day(today) + 130 * DAY
    clocks.azure.post(
        "/models",
        {
            "model": "gpt-4o",
            "version": "2024-08-06",
            "retires_at": end.isoformat(),
            "replacement": {"model": "gpt-4.1", "version": "2025-04-14"},
        },
    )
