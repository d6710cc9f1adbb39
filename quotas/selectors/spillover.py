"""What is wrong with the deployment to which a provisioned one spills over."""

from typing import Any

from quotas.domain.spillover import Served, why_not_taken
from quotas.models import Deployment


def spillover_problem(deployment: Any) -> str:
    """The end of a sentence; "" where all is well, or none is named. Needs `with_spill_target`."""
    if not deployment.is_provisioned or not deployment.spillover_deployment_name:
        return ""
    facts = deployment.spill_target
    return why_not_taken(_served(deployment), Served(**facts) if facts else None)


def _served(deployment: Deployment) -> Served:
    return Served(deployment.sku_name, deployment.model_name, deployment.model_version)
