"""Gives an adopted deployment to a service: the holder moves, the capacity does not."""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.ledger import pieces
from quotas.models import Deployment, LedgerEntry, Service
from quotas.selectors.rooms import entries_of
from quotas.services.refusals import breaks_residency


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
    if service.lifecycle == Service.Lifecycle.RETIRED:
        raise DomainError(f"{service} is retired; choose a service that is in use.")
    if barred := breaks_residency(service, deployment):
        raise barred
    unmapped = Deployment.objects.filter(pk=deployment.pk, service__isnull=True)
    if not unmapped.update(service=service):
        raise ChangedMeanwhile(str(deployment))
    for entry in deployment.entries.filter(kind=LedgerEntry.Kind.ADOPTED, service__isnull=True):
        _reissue(entry, service, by=by, at=at)
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


def _reissue(entry: LedgerEntry, service: Service, *, by: User, at: datetime) -> None:
    """What is left of the entry, part by part: an adopted drift may have taken some of it back."""
    for window, units in pieces(entries_of([entry, *entry.reversals.all()]), entry.window):
        if units > 0:
            _move(entry, window, units, service, by=by, at=at)


def _move(
    entry: LedgerEntry, window: Window, units: int, service: Service, *, by: User, at: datetime
) -> None:
    common = {
        "pool_id": entry.pool_id,
        "deployment_id": entry.deployment_id,
        "effective_from": window.start,
        "effective_until": window.end,
        "recorded_at": at,
        "recorded_by_id": by.pk,
    }
    LedgerEntry.objects.create(
        **common,
        kind=LedgerEntry.Kind.REVERSAL,
        units=-units,
        service=None,
        reverses=entry,
        reason=f"Mapped to {service.slug}.",
    )
    LedgerEntry.objects.create(
        **common,
        kind=LedgerEntry.Kind.ADOPTED,
        units=units,
        service=service,
        reason="Mapped from unmapped.",
    )
