"""Control calls of gateways: what each caller really did, and policies edited by hand.

Logs tell of callers late, partly or wrongly; ``GET /_sim/callers`` tells the truth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.responses import Response

from simulator.clock import SECONDS_PER_MINUTE, parse_time
from simulator.gateway_traffic import Split
from simulator.gateway_window import split_of
from simulator.gateways import Gateway
from simulator.policy_request import checked_policy
from simulator.policy_text import RAW
from simulator.web import ArmError, Call, Route, json_response

_MEASURES = (
    "ok", "throttled", "throttled_by_gateway", "filtered", "bad", "failed", "prompt", "generated",
)  # fmt: skip


async def _callers(call: Call) -> Response:
    """Sums over ``[from, until)``; the row whose caller is null came past the gateway."""
    try:
        first, end = (_minute(call.query(name) or "") for name in ("from", "until"))
    except ValueError as problem:
        raise ArmError(400, "BadControlRequest", f"from and until: {problem}") from None
    if end <= first:
        raise ArmError(400, "BadControlRequest", "until must be at least a minute after from.")
    minutes = np.arange(first, end, dtype=np.int64)
    rows: list[dict[str, Any]] = []
    for gateway in call.state.world.gateways:
        for backend in gateway.backends:
            place = {"gateway": gateway.name, "deployment": backend.deployment}
            part = split_of(call.state, gateway, backend, minutes)
            rows += [{**place, **row} for row in _sums(part)]
    return json_response({"value": rows})


def _minute(text: str) -> int:
    return int(parse_time(text).timestamp()) // SECONDS_PER_MINUTE


def _sums(part: Split) -> list[dict[str, Any]]:
    names = [*(each.id for each in part.callers), None]
    return [
        {"caller": name, **{each: int(getattr(part, each)[row].sum()) for each in _MEASURES}}
        for row, name in enumerate(names)
    ]


async def _policies(call: Call) -> Response:
    rows = [
        _row(call, gateway, product.id)
        for gateway in call.state.world.gateways
        for product in gateway.products
    ]
    return json_response({"value": rows})


def _row(call: Call, gateway: Gateway, product: str) -> dict[str, Any]:
    """``limits`` are those that traffic feels from the next whole minute on."""
    written = call.state.product_policies.of(gateway, product)
    limits = {
        each.id: [vars(limit) for limit in call.state.product_policies.limits(gateway, each)[-1][1]]
        for each in gateway.callers
        if each.product == product
    }
    place = {"gateway": gateway.name, "product": product}
    return {**place, "policy": written.text, "etag": written.etag, "limits": limits}


async def _edit_policy(call: Call) -> Response:
    """Somebody edits a product's policy in the Azure portal; null takes it away."""
    body = call.json()
    name, product = (str(body.get(key, "")).lower() for key in ("gateway", "product"))
    for gateway in call.state.world.gateways:
        for each in gateway.products:
            if (gateway.name.lower(), each.id.lower()) == (name, product) and "policy" in body:
                text = body["policy"]
                policy = None if text is None else checked_policy(text, RAW)
                at = call.state.clock.now().timestamp()
                call.state.product_policies.write(gateway, each.id, policy, at)
                call.state.save()
                return json_response(_row(call, gateway, each.id))
    raise ArmError(
        400, "BadControlRequest", "Say gateway and product, and policy as rawxml or null."
    )


GATEWAY_ROUTES = (
    Route("GET", "/_sim/callers", _callers),
    Route("GET", "/_sim/policies", _policies),
    Route("POST", "/_sim/policies", _edit_policy),
)
