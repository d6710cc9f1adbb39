"""The management plane of API Management: a service, its products, their keys and policies."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulator.clock import iso
from simulator.gateway_lookup import (
    POLICIES,
    POLICY,
    PRODUCT,
    PRODUCTS,
    SERVICE,
    THE_POLICY,
    called_policy,
    called_product,
    called_service,
    missing,
)
from simulator.gateways import Caller, Gateway, Product
from simulator.paging import list_response
from simulator.policy_request import checked_policy, validation_error
from simulator.policy_text import RAW, XML, shown
from simulator.product_policies import Written
from simulator.refusals import check_etag
from simulator.web import ArmError, Call, Route, json_response

_TYPE = "Microsoft.ApiManagement/service"


async def _get_service(call: Call) -> Response:
    gateway = called_service(call)
    backend = gateway.backends[0].deployment.partition("/")[0] if gateway.backends else ""
    regions = [each.region for each in call.state.world.accounts if each.name.lower() == backend]
    return json_response(
        {
            "id": gateway.id,
            "name": gateway.name,
            "type": _TYPE,
            "location": regions[0] if regions else "",
            "sku": {"name": "StandardV2", "capacity": 1},
            "properties": {
                "provisioningState": "Succeeded",
                "gatewayUrl": f"https://{gateway.name}.azure-api.net",
                "publisherName": "Contoso",
                "publisherEmail": "api@example.com",
            },
        }
    )


async def _list_products(call: Call) -> Response:
    gateway = called_service(call)
    return list_response(call, [_product_json(gateway, each) for each in gateway.products])


async def _get_product(call: Call) -> Response:
    return json_response(_product_json(*called_product(call)))


async def _list_subscriptions(call: Call) -> Response:
    gateway, product = called_product(call)
    mine = [each for each in gateway.callers if each.product == product.id]
    made = iso(call.state.world.loaded_at)
    return list_response(call, [_subscription_json(gateway, product, each, made) for each in mine])


async def _list_policies(call: Call) -> Response:
    gateway, product = called_product(call)
    written = call.state.product_policies.of(gateway, product.id)
    there = [] if written.text is None else [_policy_json(gateway, product, written, XML)]
    return list_response(call, there)


async def _get_policy(call: Call) -> Response:
    """Also its HEAD, which tells the ETag alone."""
    gateway, product = called_policy(call)
    written = call.state.product_policies.of(gateway, product.id)
    if written.text is None:
        raise missing("Policy")
    form = (call.query("format") or XML).lower()
    if form not in (XML, RAW):
        raise validation_error(f"The format is {XML} or {RAW}, not '{form}'.", "format")
    content = _policy_json(gateway, product, written, form)
    return json_response(content, headers={"ETag": written.etag})


async def _put_policy(call: Call) -> Response:
    gateway, product = called_policy(call)
    before = call.state.product_policies.of(gateway, product.id)
    _check_condition(call, before)
    properties = call.json().get("properties")
    given = properties if isinstance(properties, dict) else {}
    form = given.get("format") or XML
    policy = checked_policy(given.get("value"), form)
    at = call.state.clock.now().timestamp()
    written = call.state.product_policies.write(gateway, product.id, policy, at)
    call.state.save()
    content = _policy_json(gateway, product, written, form)
    return json_response(content, 201 if before.text is None else 200, {"ETag": written.etag})


async def _delete_policy(call: Call) -> Response:
    gateway, product = called_policy(call)
    before = call.state.product_policies.of(gateway, product.id)
    if before.text is None:
        return Response(status_code=204)
    _check_condition(call, before)
    call.state.product_policies.write(gateway, product.id, None, call.state.clock.now().timestamp())
    call.state.save()
    return Response(status_code=200)


def _check_condition(call: Call, before: Written) -> None:
    """Raises ArmError 412 for a stale mark, and for none where there is something to replace."""
    there = None if before.text is None else {"etag": before.etag}
    check_etag(call, there)
    if there and call.request.headers.get("if-match") is None:
        raise ArmError(
            412, "PreconditionFailed", "If-Match is required to change or delete an entity."
        )


def _product_json(gateway: Gateway, product: Product) -> dict[str, Any]:
    return {
        "id": f"{gateway.id}/products/{product.id}",
        "type": f"{_TYPE}/products",
        "name": product.id,
        "properties": {
            "displayName": product.name,
            "subscriptionRequired": True,
            "approvalRequired": False,
            "state": "published",
        },
    }


def _subscription_json(
    gateway: Gateway, product: Product, caller: Caller, made: str
) -> dict[str, Any]:
    """Its keys are never among what Azure lists."""
    return {
        "id": f"{gateway.id}/subscriptions/{caller.id}",
        "type": f"{_TYPE}/subscriptions",
        "name": caller.id,
        "properties": {
            "displayName": caller.name,
            "scope": f"{gateway.id}/products/{product.id}",
            "state": "active",
            "createdDate": made,
            "allowTracing": False,
        },
    }


def _policy_json(gateway: Gateway, product: Product, written: Written, form: str) -> dict[str, Any]:
    policy = written.policy
    return {
        "id": f"{gateway.id}/products/{product.id}/policies/{THE_POLICY}",
        "type": f"{_TYPE}/products/policies",
        "name": THE_POLICY,
        "properties": {"value": "" if policy is None else shown(policy, form), "format": form},
    }


API_MANAGEMENT_ROUTES = (
    Route("GET", SERVICE, _get_service),
    Route("GET", PRODUCTS, _list_products),
    Route("GET", PRODUCT, _get_product),
    Route("GET", f"{PRODUCT}/subscriptions", _list_subscriptions),
    Route("GET", POLICIES, _list_policies),
    Route("GET", POLICY, _get_policy),
    Route("PUT", POLICY, _put_policy),
    Route("DELETE", POLICY, _delete_policy),
)
