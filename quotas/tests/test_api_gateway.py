"""The API of the product that keeps limits, and the list of edits that wait, on Changes."""

import pytest
from django.urls import reverse

from portal.models import User
from quotas.models import Deployment, GatewayProduct, Pool, Service
from quotas.tests.conftest import Browse, words_of
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
JSON = "application/json"


@pytest.fixture(autouse=True)
def _reads_the_fake(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quotas.api_gateway.limits_gateway", lambda: gateway)


def at(product: GatewayProduct, verb: str = "product") -> str:
    return reverse(f"api_gateway_{verb}", args=[product.deployment_id])


def test_a_product_is_named_and_told_of(
    browse: Browse, chat: Service, sales: Service, applying: Pool, cleo: User, fay: User, ada: User
) -> None:
    chat_id = Deployment.objects.get(name="chat").pk
    url = reverse("api_gateway_product", args=[chat_id])
    assert browse(cleo).get(url).status_code == 404
    body = {"gateway_id": PLACE, "product_id": "AI"}
    assert browse(ada).post(url, body, content_type=JSON).status_code == 404
    assert browse(fay).post(url, body, content_type=JSON).status_code == 422
    made = browse(cleo).post(url, body, content_type=JSON)
    assert (made.status_code, made.json()["product"], made.json()["mode"]) == (201, "ai", "observe")
    assert browse(fay).get(url).json()["status"] == "Not read yet"


def test_it_is_switched_and_an_edit_is_written_over_by_a_yes_to_what_was_shown(
    browse: Browse, product: GatewayProduct, gateway: FakeGateway, cleo: User, ada: User
) -> None:
    hers = browse(cleo)
    assert hers.post(at(product, "mode"), {"mode": "apply"}, content_type=JSON).status_code == 422
    on = hers.post(at(product, "mode"), {"mode": "apply", "reason": "Agreed."}, content_type=JSON)
    assert on.json()["mode"] == "apply"
    assert browse(ada).post(at(product, "look"), {}, content_type=JSON).status_code == 404
    run(gateway, NOON + MINUTE)
    gateway.edit("40000", "90000")
    run(gateway, NOON + 7 * MINUTE)
    told = hers.get(at(product)).json()
    assert (told["waits_for_yes"], len(told["differences"])) == (True, 1)
    stale = {"content": "0" * 16, "reason": "Not agreed."}
    assert hers.post(at(product, "write-back"), stale, content_type=JSON).status_code == 409
    yes = {"content": told["content"], "reason": "Not agreed."}
    done = hers.post(at(product, "write-back"), yes, content_type=JSON)
    assert (done.status_code, done.json()["waits_for_yes"]) == (200, False)
    run(gateway, NOON + 8 * MINUTE)
    assert gateway.limits["sales"] == 40_000


def test_edits_that_wait_are_listed_on_changes_for_who_may_see_them(
    browse: Browse, writing: GatewayProduct, gateway: FakeGateway, cleo: User, ada: User, fay: User
) -> None:
    assert "Edited at a gateway" not in words_of(browse(cleo).get("/changes/"))
    gateway.edit("40000", "90000")
    run(gateway, NOON + 7 * MINUTE)
    said = "acme/chat: Somebody changed what Headroom wrote there."
    assert said in words_of(browse(cleo).get("/changes/"))
    assert said in words_of(browse(fay).get("/changes/"))
    assert said not in words_of(browse(ada).get("/changes/"))
    pool = fresh(writing).deployment.pool
    assert pool is not None
    pool.owners.add(ada)
    assert said in words_of(browse(ada).get("/changes/"))
