"""The page of gateway limits, its file, what is decided there, and the feed for other gateways."""

import json

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.kernel.errors import CloudError, CloudReason
from portal.models import User
from quotas.domain.gateway_policy import limits_in
from quotas.models import Deployment, GatewayProduct, Service
from quotas.selectors.gateway_page import content_of
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


@pytest.fixture(autouse=True)
def _reads_the_fake(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quotas.views.gateway_limits.limits_gateway", lambda: gateway)


def at(name: str, product: GatewayProduct) -> str:
    return reverse(name, args=[product.deployment_id])


def test_without_a_gateway_the_page_teaches_the_first_step(
    browse: Browse, chat: Service, cleo: User, fay: User
) -> None:
    url = reverse("gateway_limits", args=[Deployment.objects.get(name="chat").pk])
    page = words_of(browse(cleo).get(url))
    assert "Nobody can be limited here yet" in page
    assert "Name the product" in page
    assert "Name the product" not in words_of(browse(fay).get(url)).replace(
        "Name the product of the gateway below", ""
    )


def test_what_would_be_written_stands_on_the_page_before_anybody_turns_it_on(
    browse: Browse, product: GatewayProduct, cleo: User
) -> None:
    page = words_of(browse(cleo).get(at("gateway_limits", product)))
    assert "2 services share 100k TPM; API Management has other limits." in page
    assert "Sales: limited for the first time, to 40,000 tokens per minute." in page
    assert '<llm-token-limit counter-key="headroom:' in page
    assert "Nobody has said whose it is" in page  # the pilot's
    assert "cors" not in page  # other people's part is theirs to show


def test_applied_and_verified_are_shown_with_the_next_edge(
    browse: Browse, writing: GatewayProduct, cleo: User, noon
) -> None:
    noon.move_to(NOON + MINUTE)
    page = words_of(browse(cleo).get(at("gateway_limits", writing)))
    assert "and API Management limits them so." in page
    assert "Verified" in page
    assert "What is to be written" not in page


def test_an_owner_names_the_product_turns_it_on_and_answers_an_edit(
    browse: Browse, product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    client = browse(cleo)
    assert client.post(at("gateway_mode", product), {"mode": "apply"}).status_code == 422
    said = {"mode": "apply", "reason": "Agreed with the teams."}
    assert client.post(at("gateway_mode", product), said).status_code == 302
    run(gateway, NOON + MINUTE)
    gateway.edit("40000", "90000")
    run(gateway, NOON + 7 * MINUTE)
    page = words_of(client.get(at("gateway_limits", product)))
    assert "somebody edited the limits" in page
    assert "Sales: 90,000 → 40,000 tokens per minute." in page
    said = {"reason": "Not agreed.", "content": content_of(fresh(product))}
    answer = client.post(at("gateway_write", product), said)
    assert answer.status_code == 302
    assert client.post(at("gateway_look", product)).status_code == 302
    run(gateway, NOON + 8 * MINUTE)
    assert gateway.limits["sales"] == 40_000


def test_a_gateway_that_cannot_be_read_is_told_beside_the_field(
    browse: Browse, product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    gateway.faults["products"] = [CloudError(CloudReason.NOT_FOUND, "There is no such gateway.")]
    answer = browse(cleo).post(
        at("gateway_product", product), {"gateway_id": PLACE, "product_id": "ai"}
    )
    assert answer.status_code == 422
    assert answer.context["product_form"].errors["gateway_id"] == ["There is no such gateway."]


def test_the_file_is_the_whole_policy_with_the_limits_of_now(
    browse: Browse, product: GatewayProduct, gateway: FakeGateway, cleo: User, fay: User
) -> None:
    answer = browse(cleo).get(at("gateway_policy", product))
    text = answer.content.decode()
    assert answer["Content-Disposition"].startswith("attachment")
    assert 'cors x="@(a < "b")"' in text
    assert len(limits_in(text)) == 2
    assert gateway.writes == []
    assert browse(fay).get(at("gateway_policy", product)).status_code == 404


def test_i19_dan_of_another_team_sees_only_his_own_line_of_the_feed(
    browse: Browse, product: GatewayProduct, ada: User, dan: User, fay: User
) -> None:
    feed = at("api_gateway_limits", product)
    assert browse(dan).get(at("gateway_limits", product)).status_code == 404
    assert browse(dan).post(at("gateway_mode", product), {"mode": "apply"}).status_code == 404
    own = browse(dan).get(feed).json()["limits"]
    assert [(line["service"], line["tokens_per_minute"]) for line in own] == [("sales", 40_000)]
    every = browse(fay).get(feed).json()["limits"]
    assert [line["subscriptions"] for line in every] == [["hr-prod"], ["sales-prod"], ["pilot"]]
    assert browse(fay).post(at("gateway_look", product)).status_code == 422
    Service.objects.filter(slug="sales").update(team=ada.teams.get())
    assert browse(dan).get(feed).status_code == 404


def test_the_feed_is_answered_not_modified_until_something_changes(
    browse: Browse, product: GatewayProduct, cleo: User, noon
) -> None:
    client, feed = browse(cleo), at("api_gateway_limits", product)
    first = client.get(feed)
    noon.move_to(NOON + 5 * MINUTE)
    again = client.get(feed, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Deployment.objects.filter(name="chat").update(capacity_units=50)
    changed = client.get(feed, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert json.loads(changed.content)["limits"][0]["tokens_per_minute"] == 30_000
    assert changed["ETag"] != first["ETag"]


def test_the_page_asks_the_database_twelve_times_at_most(
    browse: Browse,
    writing: GatewayProduct,
    cleo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = browse(cleo)
    with django_assert_max_num_queries(9):  # the split rule and the callers are three more
        client.get(at("gateway_limits", writing))
