"""Locking a service, for what goes by its facts: where its data may be, above all."""

from quotas.models import Service


def lock_service(service: Service) -> Service:
    """The service as it is now, locked until the transaction ends. Whoever gives it a deployment,
    and whoever narrows where its data may be, do it one after the other.
    """
    # No key lock: an entry of the ledger that only refers to the service need not wait.
    rows = Service.objects.select_for_update(of=("self",), no_key=True)
    found: Service = rows.select_related("team", "owner", "deputy").get(pk=service.pk)
    return found
