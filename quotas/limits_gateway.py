"""What quotas needs of a gateway in front of a shared deployment: the policies of its products.

A gateway is an API Management service; what calls it holds a *subscription* (a key) of one of its
*products*, and a product has at most one *policy*, an XML text. Azure has no policy for a single
subscription, so the limits of all of a product's subscriptions stand in the product's policy. The
class behind `LimitsGateway` is named in settings (`HEADROOM_LIMITS_GATEWAY`).

**The text is `rawxml`**, as in the editor of the Azure portal: an expression such as
`condition="@(context.Subscription.Id == "x")"` keeps its quotation marks, `<` and `&`, so what is
read need not parse as XML. Azure sets blanks and attributes anew, so two texts are compared by
what they mean, never as text.
"""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class ProductSeen:
    """A product of a gateway. `id` is the last part of its resource id, as Azure spells it."""

    id: str
    name: str  # for people
    is_published: bool = True


@dataclass(frozen=True)
class GatewaySubscriptionSeen:
    """A key of a product. `id` is what `context.Subscription.Id` and the gateway's logs hold.

    `state`: active, suspended, expired, submitted, rejected or cancelled; only an active one is
    let through.
    """

    id: str
    name: str  # for people; "" where it has none
    state: str = "active"

    @property
    def is_active(self) -> bool:
        return self.state == "active"


@dataclass(frozen=True)
class ProductPolicy:
    """A product's policy as it was read: `rawxml`, and the mark of exactly that text."""

    xml: str
    etag: str


class LimitsGateway(Protocol):
    """`gateway_arm_id` is the resource id of the API Management service.

    Every method may raise `portal.kernel.errors.CloudError`: BAD_REQUEST, asking nothing of Azure,
    where that is no such id; NOT_FOUND where there is no such service or product.
    """

    def list_products(self, gateway_arm_id: str) -> tuple[ProductSeen, ...]:
        """All products, published or not."""

    def list_product_subscriptions(
        self, gateway_arm_id: str, product_id: str
    ) -> tuple[GatewaySubscriptionSeen, ...]:
        """All keys of one product, in any state; not those of single APIs or of all APIs."""

    def read_product_policy(self, gateway_arm_id: str, product_id: str) -> ProductPolicy | None:
        """None: the product is there and has no policy (yet)."""

    def write_product_policy(
        self,
        gateway_arm_id: str,
        product_id: str,
        xml: str,
        *,
        etag: str | None,
        request_id: str = "",
    ) -> str:
        """Replaces the policy, sent at most once; answers the new etag.

        `etag` is of the policy that was read; None: there was none, and none may have come since.
        GatewayChanged when another policy is there now: nothing was written. BAD_REQUEST when Azure
        finds the policy wrong, in Azure's words. `maybe_applied` on the error: read before writing
        again. `request_id` goes to Azure's logs.
        """


@cache
def limits_gateway() -> LimitsGateway:
    """The one that settings name; built at first use, per process."""
    return import_string(settings.HEADROOM_LIMITS_GATEWAY)()  # type: ignore[no-any-return]
