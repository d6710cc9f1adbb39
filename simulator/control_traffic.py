"""The part of the control API that lowers limits and tells what really happened."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.responses import Response

from simulator.clock import MINUTES_PER_DAY, SECONDS_PER_MINUTE, iso_of_minute, parse_time
from simulator.control_behaviour import wrong
from simulator.hashing import Ints
from simulator.truth import truth_of_day
from simulator.web import ArmError, Call, Route, json_response
from simulator.world import Deployment

_MOST_MINUTES = 7 * MINUTES_PER_DAY


def _deployment(call: Call, account: str, name: str) -> Deployment:
    """The living deployment, else the last of that name. Raises ArmError 404."""
    found = call.state.deployment(account, name)
    if found is None:
        ever = [
            each for each in call.state.resources.ever(account) if each.name.lower() == name.lower()
        ]
        if not ever:
            raise ArmError(404, "ResourceNotFound", f"There is no deployment {account}/{name}.")
        found = ever[-1]
    return found


async def _get_truth(call: Call) -> Response:
    account, name = call.query("account") or "", call.query("deployment") or ""
    deployment = _deployment(call, account, name)
    first, last = (_minute(call, key) for key in ("from", "until"))
    if not 0 < last - first <= _MOST_MINUTES:
        raise wrong("until must be later than from, by seven days at most.")
    rows = _rows(call, deployment, first, last)
    minutes = [
        {"at": iso_of_minute(first + place), **dict(zip(rows, values, strict=True))}
        for place, values in enumerate(zip(*(row.tolist() for row in rows.values()), strict=True))
    ]
    totals = {key: int(row.sum()) for key, row in rows.items()}
    content: dict[str, Any] = {"account": account, "deployment": name, "totals": totals}
    return json_response(content | {"minutes": minutes})


def _minute(call: Call, key: str) -> int:
    text = call.query(key)
    if not text:
        raise wrong("Say account, deployment, from and until.")
    try:
        return int(parse_time(text).timestamp()) // SECONDS_PER_MINUTE
    except ValueError as problem:
        raise wrong(f"{key}: {problem}") from None


def _rows(call: Call, deployment: Deployment, first: int, last: int) -> dict[str, Ints]:
    """All generations of the deployment together: they follow one another."""
    everything = [
        each for each in call.state.resources.ever(deployment.account) if each.key == deployment.key
    ]
    days = []
    for day in range(first // MINUTES_PER_DAY, -(-last // MINUTES_PER_DAY)):
        found = [truth_of_day(call.state.served, each, day) for each in everything]
        low = max(first - day * MINUTES_PER_DAY, 0)
        cut = slice(low, min(last - day * MINUTES_PER_DAY, MINUTES_PER_DAY))
        days.append({key: np.sum([one[key] for one in found], axis=0)[cut] for key in found[0]})
    return {key: np.concatenate([day[key] for day in days]) for key in days[0]}


async def _get_lowered(call: Call) -> Response:
    return json_response({"value": call.state.lowered_limits.described()})


async def _add_lowered(call: Call) -> Response:
    body = call.json()
    deployment = _deployment(call, str(body.get("account", "")), str(body.get("deployment", "")))
    if deployment.sku.is_provisioned:
        raise wrong("Only limits of standard deployments are lowered.")
    try:
        call.state.lowered_limits.add(
            deployment.key, str(body.get("from", "")), str(body.get("until", "")),
            body.get("factor"),
        )  # fmt: skip
    except ValueError as problem:
        raise wrong(str(problem)) from None
    call.state.save()
    return await _get_lowered(call)


async def _clear_lowered(call: Call) -> Response:
    call.state.lowered_limits.clear()
    call.state.save()
    return await _get_lowered(call)


TRAFFIC_ROUTES = (
    Route("GET", "/_sim/truth", _get_truth),
    Route("GET", "/_sim/lowered_limits", _get_lowered),
    Route("POST", "/_sim/lowered_limits", _add_lowered),
    Route("DELETE", "/_sim/lowered_limits", _clear_lowered),
)
