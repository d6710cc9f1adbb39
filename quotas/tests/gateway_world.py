"""A gateway in front of the deployment chat, which Chat assistant and Sales share; for tests that
import its fixtures.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from portal.kernel.errors import CloudError, CloudReason, GatewayChanged
from portal.kernel.windows import FOREVER, Window
from portal.models import User
from quotas.domain.gateway_limits import Shares
from quotas.domain.gateway_policy import Limits, limits_in
from quotas.gateway import Sharing
from quotas.limits_gateway import GatewaySubscriptionSeen, ProductPolicy, ProductSeen
from quotas.models import Deployment, GatewayProduct, Pool, Service, Team
from quotas.services import gateway_limits, gateway_products
from quotas.tests import factories
from quotas.tests.factories import NOON, FakeEvidence, utc

PLACE = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.ApiManagement/service/apim"
FOREIGN = """<policies><inbound><base /><cors x="@(a < "b")" /></inbound></policies>"""
MINUTE = timedelta(minutes=1)


@dataclass
class FakeGateway:
    """The product `ai` (and `second`, which has the same policy). `faults` are raised by the next
    calls of that name, one each.
    """

    xml: str | None = FOREIGN
    version: int = 1
    writes: list[str] = field(default_factory=list)
    keys: tuple[str, ...] = ("hr-prod", "sales-prod", "pilot")
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    during_write: Callable[[], None] = lambda: None
    during_read: Callable[[], None] | None = None  # once
    keeps_old: bool = False

    def _fault(self, name: str) -> None:
        if self.faults.get(name):
            raise self.faults[name].pop(0)

    def list_products(self, gateway_arm_id: str) -> tuple[ProductSeen, ...]:
        self._fault("products")
        return (ProductSeen("ai", "AI"), ProductSeen("second", "Second"))

    def list_product_subscriptions(
        self, gateway_arm_id: str, product_id: str
    ) -> tuple[GatewaySubscriptionSeen, ...]:
        self._fault("keys")
        return tuple(GatewaySubscriptionSeen(key, key.title()) for key in self.keys)

    def read_product_policy(self, gateway_arm_id: str, product_id: str) -> ProductPolicy | None:
        self._fault("read")
        meanwhile, self.during_read = self.during_read, None
        if meanwhile:
            meanwhile()
        return ProductPolicy(self.xml, f'"{self.version}"') if self.xml else None

    def write_product_policy(
        self,
        gateway_arm_id: str,
        product_id: str,
        xml: str,
        *,
        etag: str | None,
        request_id: str = "",
    ) -> str:
        self.during_write()
        self._fault("write")
        if etag != (f'"{self.version}"' if self.xml else None):
            raise GatewayChanged("policy")
        self.writes.append(xml)
        self.put(self.xml or "" if self.keeps_old else xml)
        return f'"{self.version}"'

    def put(self, xml: str) -> None:
        self.xml, self.version = xml, self.version + 1

    def edit(self, old: str, new: str) -> None:
        xml = self.xml or ""
        assert old in xml
        self.put(xml.replace(old, new))

    @property
    def limits(self) -> dict[str, int]:
        """By service's slug."""
        found: Limits = limits_in(self.xml or "")
        return {each.service.partition(".")[2]: each.tokens_per_minute for each in found}


def refused(reason: CloudReason, **more: object) -> CloudError:
    return CloudError(reason, f"Azure said {reason}.", **more)  # type: ignore[arg-type]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def sales(delta: Team, dan: User) -> Service:
    return factories.service("Sales", delta, dan)


@pytest.fixture
def product(
    applying: Pool,
    chat: Service,
    sales: Service,
    usage: FakeEvidence,
    gateway: FakeGateway,
    cleo: User,
) -> GatewayProduct:
    """Chat's 100 units are divided 60 to 40 between chat itself and Sales; observed, and read."""
    halves = Shares(Window(utc("2026-03-01 00:00"), FOREVER), {chat.pk: 6000, sales.pk: 4000})
    callers = {"hr-prod": frozenset([chat.pk]), "sales-prod": frozenset([sales.pk])}
    usage.shared = Sharing((halves,), callers)
    deployment = Deployment.objects.get(name="chat")
    found = gateway_products.name_product(
        deployment, gateway_id=PLACE, product_id="AI", gateway=gateway, by=cleo, at=NOON
    )
    run(gateway, NOON)
    found.refresh_from_db()
    return found


@pytest.fixture
def writing(product: GatewayProduct, gateway: FakeGateway, cleo: User) -> GatewayProduct:
    """Applied and verified at noon."""
    turn_on(product, cleo)
    run(gateway, NOON + MINUTE)
    product.refresh_from_db()
    return product


def turn_on(product: GatewayProduct, by: User) -> None:
    gateway_products.switch_mode(product, mode="apply", reason="Agreed.", by=by, at=NOON)


def run(gateway: FakeGateway, at: datetime) -> int:
    return gateway_limits.keep_limits(gateway=gateway, now=lambda: at)


def fresh(product: GatewayProduct) -> GatewayProduct:
    return GatewayProduct.objects.get(pk=product.pk)
