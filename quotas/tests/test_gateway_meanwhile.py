"""Gateway limits, when somebody decides while a worker looks; and who is looked at first."""

from portal.models import Message, User
from quotas.models import Deployment, GatewayProduct
from quotas.selectors.gateway_page import content_of
from quotas.services import gateway_limits, gateway_products
from quotas.tests.factories import NOON
from quotas.tests.gateway_world import (
    MINUTE,
    PLACE,
    FakeGateway,
    fresh,
    gateway,
    product,
    run,
    sales,
    writing,
)

__all__ = ["gateway", "product", "sales", "writing"]


def answer(shown: GatewayProduct, by: User) -> None:
    content = content_of(shown)
    gateway_products.write_back(shown, content=content, reason="Not agreed.", by=by, at=NOON)


def test_a_yes_that_is_given_while_a_worker_looks_stands(
    writing: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    gateway.edit("40000", "90000")
    run(gateway, NOON + 7 * MINUTE)
    shown = fresh(writing)
    gateway.during_read = lambda: answer(shown, cleo)
    run(gateway, NOON + 13 * MINUTE)
    assert fresh(writing).agreed_at == NOON
    run(gateway, NOON + 14 * MINUTE)
    assert gateway.limits["sales"] == 40_000


def test_a_mode_that_is_switched_while_a_worker_looks_asks_nobody(
    writing: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    def observe() -> None:
        gateway_products.switch_mode(writing, mode="observe", reason="Stop.", by=cleo, at=NOON)

    gateway.edit("40000", "90000")
    gateway.during_read = observe
    run(gateway, NOON + 7 * MINUTE)
    assert fresh(writing).edited_at is None
    assert not Message.objects.filter(notice__event="gateway.waits").exists()


def test_what_was_read_of_a_product_is_not_kept_of_another_that_was_named_meanwhile(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    named = {"gateway_id": PLACE, "product_id": "second", "gateway": gateway, "by": cleo}

    def name_another() -> None:
        gateway_products.name_product(product.deployment, **named, at=NOON + MINUTE)

    gateway.during_read = name_another
    run(gateway, NOON + 6 * MINUTE)
    found = fresh(product)
    assert (found.product_id, found.read_at, found.subscriptions) == ("second", None, [])


def test_who_is_asked_for_just_now_is_looked_at_first(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    other = Deployment.objects.get(name="search")
    asked = gateway_products.name_product(
        other, gateway_id=PLACE, product_id="second", gateway=gateway, by=cleo, at=NOON
    )
    assert gateway_limits.due(at=NOON + 6 * MINUTE) == [asked, product]
