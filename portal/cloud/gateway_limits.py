"""`quotas.limits_gateway.LimitsGateway` on API Management: products, their keys, their policies.

Its management plane is a part of Azure Resource Manager: same sign-in, endpoint, pauses and words.
A policy is read and written whole, as `rawxml`. Writes carry the mark (ETag) of what was read, so
that an edit made meanwhile, in the Azure portal or by Terraform, is not lost.
"""

from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError

from portal.cloud.clients import gateways_client
from portal.cloud.errors import Call, azure_errors, cloud_error
from portal.cloud.resource_ids import GatewayId, gateway_id
from portal.kernel.errors import CloudError, CloudReason, GatewayChanged
from quotas.limits_gateway import GatewaySubscriptionSeen, ProductPolicy, ProductSeen

if TYPE_CHECKING:
    from azure.mgmt.apimanagement.models import PolicyContract

POLICY = "policy"  # the one name that a policy may have
RAW = "rawxml"
ANY = "*"
PRECONDITION_FAILED = 412


class AzureGatewayLimits:
    """Stateless: the clients behind it are kept per process in `portal.cloud.clients`."""

    def list_products(self, gateway_arm_id: str) -> tuple[ProductSeen, ...]:
        """All products, published or not."""
        service = gateway_id(gateway_arm_id)
        with azure_errors(f"list the products of {service.words}"):
            products = gateways_client(service.subscription_id).product
            rows = products.list_by_service(service.resource_group, service.service)
            return tuple(_product_seen(row) for row in rows)

    def list_product_subscriptions(
        self, gateway_arm_id: str, product_id: str
    ) -> tuple[GatewaySubscriptionSeen, ...]:
        """All keys of one product, in any state. Never their secrets: no call of ours reads any."""
        service = gateway_id(gateway_arm_id)
        with azure_errors(f"list the subscriptions of {_words(service, product_id)}"):
            keys = gateways_client(service.subscription_id).product_subscriptions
            rows = keys.list(service.resource_group, service.service, product_id)
            return tuple(_subscription_seen(row) for row in rows)

    def read_product_policy(self, gateway_arm_id: str, product_id: str) -> ProductPolicy | None:
        """None: the product has no policy. CloudError(NOT_FOUND): there is no such product."""
        service = gateway_id(gateway_arm_id)
        try:
            with azure_errors(f"read the policy of {_words(service, product_id)}"):
                policies = gateways_client(service.subscription_id).product_policy
                return policies.get(*_place(service, product_id), format=RAW, cls=_policy_seen)
        except CloudError as error:
            if error.reason is not CloudReason.NOT_FOUND:
                raise
        # Azure says "not found" of a policy, a product and a service alike.
        with azure_errors(f"read {_words(service, product_id)}"):
            products = gateways_client(service.subscription_id).product
            products.get(service.resource_group, service.service, product_id)
        return None

    def write_product_policy(
        self,
        gateway_arm_id: str,
        product_id: str,
        xml: str,
        *,
        etag: str | None,
        request_id: str = "",
    ) -> str:
        """Sends one PUT, at most once. Raises GatewayChanged when `etag` is no longer the mark."""
        service = gateway_id(gateway_arm_id)
        # Azure documents If-Match alone; the read guards a new policy if it ignores If-None-Match.
        if etag is None and self.read_product_policy(gateway_arm_id, product_id):
            raise GatewayChanged(f"policy of {_words(service, product_id)}")
        doing = f"write the policy of {_words(service, product_id)}"
        with azure_errors(doing, Call.WRITE):
            try:
                return _put(service, product_id, xml, etag, request_id)
            except HttpResponseError as error:
                if error.status_code != PRECONDITION_FAILED:
                    raise
                said = cloud_error(error, doing, Call.WRITE)
                raise GatewayChanged(
                    f"policy of {_words(service, product_id)}",
                    azure_code=said.azure_code,
                    azure_message=said.azure_message,
                ) from error


def _put(service: GatewayId, product_id: str, xml: str, etag: str | None, request_id: str) -> str:
    from azure.mgmt.apimanagement.models import PolicyContract  # see build_gateways_client

    headers = {"If-None-Match": ANY} if etag is None else {}
    named = {"request_id": request_id} if request_id else {}
    policies = gateways_client(service.subscription_id).product_policy
    return policies.create_or_update(
        *_place(service, product_id),
        PolicyContract(value=xml, format=RAW),
        if_match=etag,
        headers=headers,
        cls=_etag_of,
        **named,
    )


def _place(service: GatewayId, product_id: str) -> tuple[str, str, str, str]:
    return service.resource_group, service.service, product_id, POLICY


def _policy_seen(_answer: Any, policy: "PolicyContract", headers: dict[str, Any]) -> ProductPolicy:
    """ValueError for an answer without the text: nothing could be compared."""
    if policy.value is None:
        raise ValueError("a policy without its text")
    return ProductPolicy(xml=policy.value, etag=_etag_of(_answer, policy, headers))


def _etag_of(_answer: Any, _policy: Any, headers: dict[str, Any]) -> str:
    """ValueError for an answer without it: nothing could be replaced."""
    if not headers.get("ETag"):
        raise ValueError("a policy without its ETag")
    return str(headers["ETag"])


def _product_seen(row: Any) -> ProductSeen:
    if not row.name:
        raise ValueError("a product without a name")
    return ProductSeen(row.name, row.display_name or row.name, row.state == "published")


def _subscription_seen(row: Any) -> GatewaySubscriptionSeen:
    if not row.name:
        raise ValueError("a subscription without a name")
    return GatewaySubscriptionSeen(row.name, row.display_name or "", str(row.state or ""))


def _words(service: GatewayId, product_id: str) -> str:
    return f"product {product_id} of {service.words}"
