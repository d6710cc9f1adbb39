"""The limit of the pool that feeds a deployment."""

from quotas.models import PoolLimit


def limit_units_of(deployment_id: int) -> int | None:
    """The newest that Azure told, in units; None where no pool is known or it told none."""
    newest = PoolLimit.objects.filter(pool__deployments=deployment_id)
    return newest.order_by("-observed_at", "-id").values_list("limit_units", flat=True).first()
