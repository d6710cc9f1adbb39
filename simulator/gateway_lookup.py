"""What the path of a call to API Management names, or its error; and the patterns of the paths."""

from __future__ import annotations

from simulator.arm_lookup import SUBSCRIPTION, called_subscription, not_found
from simulator.gateways import Gateway, Product
from simulator.web import ArmError, Call

PROVIDER = "/providers/Microsoft.ApiManagement"
SERVICE = f"{SUBSCRIPTION}/resourceGroups/{{group}}{PROVIDER}/service/{{service}}"
PRODUCTS = f"{SERVICE}/products"
PRODUCT = f"{PRODUCTS}/{{product}}"
POLICIES = f"{PRODUCT}/policies"
POLICY = f"{POLICIES}/{{policy}}"
THE_POLICY = "policy"
"""The one name that a policy can have."""


def called_service(call: Call) -> Gateway:
    """The service of the path. Raises ArmError 404 when it is not there."""
    subscription, group = called_subscription(call), call.path["group"]
    wanted = (subscription.lower(), group.lower())
    here = [
        each
        for each in call.state.world.gateways
        if (each.subscription.lower(), each.resource_group.lower()) == wanted
    ]
    for each in here:
        if each.name.lower() == call.path["service"].lower():
            return each
    if not here and not call.state.resources.has_group(subscription, group):
        raise ArmError(
            404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found."
        )
    raise not_found(f"Microsoft.ApiManagement/service/{call.path['service']}", group)


def called_product(call: Call) -> tuple[Gateway, Product]:
    """The product of the path with its service. Raises ArmError 404 when it is not there."""
    gateway = called_service(call)
    for each in gateway.products:
        if each.id.lower() == call.path["product"].lower():
            return gateway, each
    raise missing("Product")


def called_policy(call: Call) -> tuple[Gateway, Product]:
    """The product whose policy the path names. Raises ArmError 400 for another name of it."""
    found = called_product(call)
    if call.path["policy"].lower() != THE_POLICY:
        raise ArmError(
            400, "ValidationError", f"The policy identifier is '{THE_POLICY}' and no other."
        )
    return found


def missing(what: str) -> ArmError:
    """API Management's 404 for a part of a service that is there."""
    return ArmError(404, "ResourceNotFound", f"{what} not found.", more={"details": None})
