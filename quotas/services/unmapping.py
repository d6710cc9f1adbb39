"""Takes a deployment from its service: the holder ends, the capacity and what was used stay."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.kernel.windows import FOREVER, Window, floor_to_minute
from portal.models import User
from portal.outbox import Event, tell
from quotas.domain.states import WAITING_REQUEST_STATES
from quotas.models import CapacityRequest, Deployment, LedgerEntry
from quotas.selectors.people import owners_of
from quotas.services.mapping import reissue
from quotas.services.pools import lock_pool_of
from quotas.services.reasons import checked_reason, keep_reason
from quotas.services.refusals import refuse
from quotas.services.reversing import STEADY, left_of


@transaction.atomic
def unmap_deployment(deployment: Deployment, *, reason: str, by: User, at: datetime) -> Deployment:
    """From this minute on it is nobody's, and so is its baseline; what was held and used before
    stays its service's. Who answers for the service is told.

    Raises DomainError: no reason, or something of the service that would be left without its
    deployment. ChangedMeanwhile where it is nobody's, or gone. Then nothing is written.
    """
    said = checked_reason(reason, missing="Say why; who answers for the service reads it.")
    if deployment.pool_id is not None:
        lock_pool_of(deployment)  # nothing more is granted on it meanwhile
    rows = Deployment.objects.present().select_for_update(of=("self",), no_key=True)
    rows = rows.select_related("service", "account")
    found: Deployment | None = rows.filter(pk=deployment.pk).first()
    if found is None or found.service is None:
        raise ChangedMeanwhile(str(deployment))
    check_unmapping(found, at=at)
    service, since = found.service, floor_to_minute(at)
    for entry in _steady(found, since).select_for_update():
        window = Window(max(since, entry.effective_from), entry.effective_until)
        reissue(entry, window, None, f"Taken from {service.slug}.", by=by, at=at)
    found.service = None
    found.save(update_fields=["service"])
    audit.record(
        "deployment.unmapped",
        f"deployment/{found.pk}",
        actor_id=by.pk,
        at=at,
        service=service.pk,
        **keep_reason(found, said, by=by, at=at),
    )
    tell(
        Event.DEPLOYMENT_TAKEN,
        owners_of(service) - {by.pk},
        subject=f"deployment/{found.pk}",
        url=service.get_absolute_url(),
        at=at,
        occurrence=at.isoformat(),
        by=by.display_name,
        deployment=str(found),
        service=service.name,
        why=said,
    )
    return found


def check_unmapping(deployment: Deployment, *, at: datetime) -> None:
    """Raises DomainError where a request waits for it, or more than its baseline is held."""
    its = Q(deployment=deployment) | Q(to_deployment=deployment)
    waiting = CapacityRequest.objects.filter(its, state__in=sorted(WAITING_REQUEST_STATES))
    if (request := waiting.order_by("pk").first()) is not None:
        raise refuse(
            "still_asked",
            f"Request #{request.pk} waits for capacity on {deployment}. It has to be answered, or "
            "withdrawn, before it can be nobody's.",
        )
    later = deployment.entries.filter(units__gt=0, effective_until__gt=at)
    steady = _steady(deployment, at).filter(effective_from__lte=at)
    for entry in later.exclude(pk__in=steady.values("pk")).order_by("effective_from", "pk"):
        if left_of(entry, Window(max(at, entry.effective_from), entry.effective_until)):
            whose = f" of request #{entry.request_id}" if entry.request_id else ""
            raise refuse(
                "still_granted",
                f"{deployment} holds what was granted{whose} ({_window_of(entry)}). It has to be "
                "given back or revoked, or be over, before it can be nobody's.",
            )


def _window_of(entry: LedgerEntry) -> str:
    start, end = entry.effective_from, entry.effective_until
    until = "" if end == FOREVER else f" to {end:%d %b %H:%M}"
    return f"{start:%d %b %H:%M}{until} UTC"


def _steady(deployment: Deployment, at: datetime) -> QuerySet[LedgerEntry]:
    rows = deployment.entries.filter(kind__in=STEADY, effective_until__gt=at)
    return rows.order_by("effective_from", "pk")
