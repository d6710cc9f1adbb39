"""What the path of an ARM call names (subscription, account, deployment, location), or ARM's error.

Also the patterns of those paths. Every file of the ARM plane takes both from here.
"""

from __future__ import annotations

from simulator.scopes import GLOBAL_PLACE
from simulator.web import ArmError, Call
from simulator.world import Account, Deployment
from simulator.world_fields import region_of

SUBSCRIPTION = "/subscriptions/{subscription}"
PROVIDER = "/providers/Microsoft.CognitiveServices"
ACCOUNTS = f"{SUBSCRIPTION}/resourceGroups/{{group}}{PROVIDER}/accounts"
ACCOUNT = f"{ACCOUNTS}/{{account}}"
DEPLOYMENTS = f"{ACCOUNT}/deployments"
DEPLOYMENT = f"{DEPLOYMENTS}/{{deployment}}"
LOCATION = f"{SUBSCRIPTION}{PROVIDER}/locations/{{location}}"


def called_subscription(call: Call) -> str:
    """The subscription id as the path spells it. Raises ArmError 404 when there is none such."""
    wanted = call.path["subscription"]
    if wanted.lower() not in {each.id.lower() for each in call.state.world.subscriptions}:
        raise ArmError(
            404, "SubscriptionNotFound", f"The subscription '{wanted}' could not be found."
        )
    return wanted


def accounts_of_subscription(call: Call) -> list[Account]:
    """Every account of the subscription. Raises ArmError 404 for an unknown subscription."""
    wanted = called_subscription(call).lower()
    return [each for each in call.state.world.accounts if each.subscription.lower() == wanted]


def accounts_of_group(call: Call) -> list[Account]:
    """The accounts of the resource group. Raises ArmError 404 for a group that never had any."""
    group = call.path["group"]
    all_accounts = accounts_of_subscription(call)
    found = [each for each in all_accounts if each.resource_group.lower() == group.lower()]
    if not call.state.resources.has_group(call.path["subscription"], group):
        raise ArmError(
            404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found."
        )
    return found


def called_account(call: Call) -> Account:
    """The account of the path. Raises ArmError 404 when it is not there."""
    name, group = call.path["account"], call.path["group"]
    for each in accounts_of_group(call):
        if each.name.lower() == name.lower():
            return each
    raise not_found(f"Microsoft.CognitiveServices/accounts/{name}", group)


def called_deployment(call: Call) -> tuple[Account, Deployment]:
    """The deployment of the path with its account. Raises ArmError 404 when it is not there."""
    account, name = called_account(call), call.path["deployment"]
    found = call.state.deployment(account.name, name)
    if found is None:
        resource = f"Microsoft.CognitiveServices/accounts/{account.name}/deployments/{name}"
        raise not_found(resource, account.resource_group)
    return account, found


def called_location(call: Call, kind: str) -> str:
    """The region of the path, spelled as ARM does. Raises ArmError 400 where nothing is.

    ``kind`` is the resource type the error names, such as ``usages``.
    """
    called_subscription(call)
    region = region_of(call.path["location"])
    regions = call.state.world.regions
    if region not in regions and (region, kind) != (GLOBAL_PLACE, "usages"):
        raise ArmError(
            400, "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{call.path['location']}' and API "
            f"version '{call.query('api-version')}' for type 'locations/{kind}'. The supported "
            f"locations are '{', '.join(sorted(regions))}'.",
        )  # fmt: skip
    return region


def not_found(resource: str, group: str) -> ArmError:
    """ARM's 404 for a resource (``type/name``) that is not in its group."""
    return ArmError(
        404, "ResourceNotFound",
        f"The Resource '{resource}' under resource group '{group}' was not found. For more details "
        "please go to https://aka.ms/ARMResourceNotFoundFix",
    )  # fmt: skip
