"""Reads the gateways of a world file; a wrong one is a WorldError that names its place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from simulator.clock import SECONDS_PER_MINUTE
from simulator.gateways import NO_SUBSCRIPTION, Backend, Caller, Gateway, Product, Weights
from simulator.world_checks import WorldError
from simulator.world_fields import known_subscription, moment, rows, text, whole_number


def read_gateways(
    raw: dict[str, Any], subscriptions: set[str], deployments: set[str]
) -> tuple[Gateway, ...]:
    """The gateways of a world file with these subscriptions and deployments (keys, lower case).

    Raises WorldError with a sentence that names the place.
    """
    gateways = tuple(
        _gateway(row, f"gateways[{n}]", subscriptions, deployments)
        for n, row in enumerate(rows(raw, "gateways"))
    )
    served = [each.deployment for gateway in gateways for each in gateway.backends]
    twice = sorted({key for key in served if served.count(key) > 1})
    if twice:
        raise WorldError(f"gateways: {twice[0]} is behind a gateway twice.")
    return gateways


def _gateway(
    row: dict[str, Any], where: str, subscriptions: set[str], deployments: set[str]
) -> Gateway:
    subscription = known_subscription(row, where, subscriptions)
    products = tuple(
        Product(text(each, "id", where), str(each.get("name", each.get("id"))))
        for each in rows(row, "products")
    )
    callers = tuple(
        _caller(each, f"{where}.subscriptions[{n}]", {product.id for product in products})
        for n, each in enumerate(rows(row, "subscriptions"))
    )
    known = {each.id for each in callers}
    if len(known) < len(callers):
        raise WorldError(f"{where}.subscriptions: an id is there twice.")
    return Gateway(
        name=text(row, "name", where),
        subscription=subscription,
        resource_group=text(row, "resource_group", where),
        workspace=_guid(row, "workspace", where),
        products=products,
        callers=callers,
        backends=tuple(
            _backend(each, f"{where}.backends[{n}]", known, deployments)
            for n, each in enumerate(rows(row, "backends"))
        ),
        logs_bodies=_flag(row, "logs_bodies", where),
    )


def _caller(row: dict[str, Any], where: str, products: set[str]) -> Caller:
    identifier, product = text(row, "id", where), str(row.get("product", ""))
    if product and product not in products:
        raise WorldError(f"{where}.product: {product!r} is not among the products.")
    is_limited = row.get("tokens_per_minute") is not None
    return Caller(
        id=identifier,
        name=str(row.get("name", identifier)),
        product=product,
        tokens_per_minute=(
            whole_number(row, "tokens_per_minute", where, minimum=1) if is_limited else None
        ),
        prompt_factor=_within(row, "prompt_factor", where, 1.0, 100.0),
        generated_factor=_within(row, "generated_factor", where, 1.0, 100.0),
        tags={str(key): str(value) for key, value in row.get("tags", {}).items()},
    )


def _backend(row: dict[str, Any], where: str, callers: set[str], deployments: set[str]) -> Backend:
    key = text(row, "deployment", where).lower()
    if key not in deployments:
        raise WorldError(f"{where}.deployment: there is no {key}; write account/deployment.")
    steps = tuple(
        _weights(each, f"{where}.weights[{n}]", callers)
        for n, each in enumerate(rows(row, "weights"))
    )
    if not steps or sorted(steps, key=lambda step: step.since_minute) != list(steps):
        raise WorldError(f"{where}.weights: expected at least one step, in time order.")
    return Backend(
        deployment=key,
        weights=steps,
        bypass_share=_within(row, "bypass_share", where, 0.0, 1.0),
        content_filter_share=_within(row, "content_filter_share", where, 0.0, 1.0),
    )


def _weights(row: dict[str, Any], where: str, callers: set[str]) -> Weights:
    since = float("-inf")
    if row.get("from") is not None:
        since = moment(row, "from", where).timestamp() / SECONDS_PER_MINUTE
    given = row.get("of")
    if not isinstance(given, dict) or not given:
        raise WorldError(f"{where}.of: expected an object of subscription id to weight.")
    for name in given:
        if name not in callers and name != NO_SUBSCRIPTION:
            raise WorldError(f"{where}.of: {name!r} is not among the gateway's subscriptions.")
    weights = tuple((name, _within(given, name, f"{where}.of", 0.0, 1e9)) for name in given)
    if not any(weight for _, weight in weights):
        raise WorldError(f"{where}.of: at least one weight is above 0.")
    return Weights(since, weights)


def _within(row: dict[str, Any], key: str, where: str, default: float, most: float) -> float:
    value = row.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise WorldError(f"{where}.{key}: expected a number from 0 to {most:g}, got {value!r}.")
    return float(value)


def _flag(row: dict[str, Any], key: str, where: str) -> bool:
    value = row.get(key, True)
    if not isinstance(value, bool):
        raise WorldError(f"{where}.{key}: expected true or false, got {value!r}.")
    return value


def _guid(row: dict[str, Any], key: str, where: str) -> str:
    value = text(row, key, where)
    try:
        return str(UUID(value))
    except ValueError:
        raise WorldError(f"{where}.{key}: {value!r} is no GUID.") from None
