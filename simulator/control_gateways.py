"""``GET /_sim/callers``: what each caller really did, which logs tell late, partly or wrongly."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.responses import Response

from simulator.clock import SECONDS_PER_MINUTE, parse_time
from simulator.gateway_traffic import Split
from simulator.gateway_window import split_of
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


GATEWAY_ROUTES = (Route("GET", "/_sim/callers", _callers),)
