"""Whether a provisioned deployment spills over to one that can take its calls. Pure.

Azure takes a standard deployment of the same account, the same model and version, and the same data
processing level (global, data zone, region) as `spilloverDeploymentName`. Source: "Manage traffic
with spillover for provisioned deployments" (learn.microsoft.com).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Served:
    """What a deployment serves, and how."""

    sku_name: str
    model_name: str
    model_version: str


def why_not_taken(source: Served, target: Served | None) -> str:
    """What is wrong with the deployment that is named, as the end of a sentence; "" where it may
    take the calls. `target` is None where the account has none of that name.
    """
    if target is None:
        return "is no deployment of its account"
    if "provisioned" in target.sku_name.lower():
        return "is provisioned as well, not standard"
    wanted = source.sku_name.lower().replace("provisionedmanaged", "standard")
    if target.sku_name.lower() != wanted:
        return f"is {target.sku_name}, and so processes data at another level"
    theirs, own = ((s.model_name, s.model_version) for s in (target, source))
    return "" if theirs == own else f"serves {target.model_name} {target.model_version}"
