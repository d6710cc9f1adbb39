"""Gives an adopted deployment to a service: the holder moves, the capacity does not."""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window
from portal.models import User
from quotas.models import Deployment, LedgerEntry, Service
from quotas.services.locks import lock_service
from quotas.services.refusals import breaks_residency
from quotas.services.reversing import left_of, reverse


class AlreadyMapped(DomainError):
    code = "already_mapped"


@transaction.atomic
def map_deployment(
    deployment: Deployment, *, service: Service, by: User, at: datetime
) -> Deployment:
    """Moves every running adopted entry to the service, from the moment it was adopted.

    A correction is a reversing entry, so the holder is re-issued over the whole window: usage since
    adoption belongs to the service. Raises AlreadyMapped, ChangedMeanwhile in a race, or
    DomainError where the service's data must not be processed.
    """
    if deployment.service_id is not None:
        raise AlreadyMapped(f"{deployment} already belongs to {deployment.service}.")
    if deployment.takes_sandboxes:
        raise DomainError(
            f"{deployment} is open for sandboxes. Close it for them first, on the page Sandboxes.",
            code="takes_sandboxes",
        )
    service = lock_service(service)
    if service.lifecycle == Service.Lifecycle.RETIRED:
        raise DomainError(f"{service} is retired; choose a service that is in use.")
    if barred := breaks_residency(service, deployment):
        raise barred
    unmapped = Deployment.objects.filter(pk=deployment.pk, service__isnull=True)
    if not unmapped.update(service=service):
        raise ChangedMeanwhile(str(deployment))
    for entry in deployment.entries.filter(kind=LedgerEntry.Kind.ADOPTED, service__isnull=True):
        reissue(entry, entry.window, service, f"Mapped to {service.slug}.", by=by, at=at)
    proposed = Service.objects.filter(pk=service.pk, lifecycle=Service.Lifecycle.PROPOSED)
    proposed.update(lifecycle=Service.Lifecycle.ACTIVE)
    audit.record(
        "deployment.mapped",
        f"deployment/{deployment.pk}",
        actor_id=by.pk,
        at=at,
        service=service.pk,
    )
    deployment.service = service
    return deployment


def reissue(
    entry: LedgerEntry,
    window: Window,
    service: Service | None,
    reason: str,
    *,
    by: User,
    at: datetime,
) -> None:
    """What is left of the entry in the window is the service's, or for None nobody's; part by part:
    an adopted drift may have taken some of it back.
    """
    for part, units in left_of(entry, window):
        reverse(entry, part, units, request=entry.request, reason=reason, by_id=by.pk, at=at)
        LedgerEntry.objects.create(
            pool_id=entry.pool_id,
            deployment_id=entry.deployment_id,
            effective_from=part.start,
            effective_until=part.end,
            recorded_at=at,
            recorded_by_id=by.pk,
            kind=LedgerEntry.Kind.ADOPTED,
            units=units,
            service=service,
            reason=reason,
        )
