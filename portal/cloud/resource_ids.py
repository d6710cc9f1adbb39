"""Azure resource ids: reading the parts of an account's, a deployment's or a gateway's id."""

import re
from dataclasses import dataclass

from portal.kernel.errors import CloudError, CloudReason

_GROUP = r"/subscriptions/(?P<subscription_id>[^/]+)/resourceGroups/(?P<resource_group>[^/]+)"
_ACCOUNT = _GROUP + r"/providers/Microsoft\.CognitiveServices/accounts/(?P<account>[^/]+)"
_ACCOUNT_ID = re.compile(_ACCOUNT, re.IGNORECASE)
_DEPLOYMENT_ID = re.compile(_ACCOUNT + r"/deployments/(?P<deployment>[^/]+)", re.IGNORECASE)
_GATEWAY_ID = re.compile(
    _GROUP + r"/providers/Microsoft\.ApiManagement/service/(?P<service>[^/]+)", re.IGNORECASE
)


@dataclass(frozen=True)
class AccountId:
    subscription_id: str
    resource_group: str
    account: str


@dataclass(frozen=True)
class DeploymentId:
    subscription_id: str
    resource_group: str
    account: str
    deployment: str

    @property
    def words(self) -> str:
        return f"deployment {self.deployment} of account {self.account}"


@dataclass(frozen=True)
class GatewayId:
    subscription_id: str
    resource_group: str
    service: str

    @property
    def words(self) -> str:
        return f"API Management service {self.service}"


def account_id(resource_id: str) -> AccountId:
    """Raises CloudError(BAD_REQUEST) when it is no account's id."""
    found = _ACCOUNT_ID.fullmatch(resource_id)
    if not found:
        raise _no_id(resource_id, "account")
    return AccountId(**found.groupdict())


def deployment_id(resource_id: str) -> DeploymentId:
    """Raises CloudError(BAD_REQUEST) when it is no deployment's id."""
    found = _DEPLOYMENT_ID.fullmatch(resource_id)
    if not found:
        raise _no_id(resource_id, "deployment")
    return DeploymentId(**found.groupdict())


def gateway_id(resource_id: str) -> GatewayId:
    """Raises CloudError(BAD_REQUEST) when it is no API Management service's id."""
    found = _GATEWAY_ID.fullmatch(resource_id)
    if not found:
        raise CloudError(
            CloudReason.BAD_REQUEST,
            f"“{resource_id}” is not the id of an API Management service. Nothing was asked of "
            "Azure; copy the resource id from the service's properties in the Azure portal.",
        )
    return GatewayId(**found.groupdict())


def _no_id(resource_id: str, what: str) -> CloudError:
    return CloudError(
        CloudReason.BAD_REQUEST,
        f"“{resource_id}” is not the id of an Azure OpenAI {what}. Nothing was asked of Azure; "
        "the next inventory sync will put the right id in its place.",
    )
