"""The control calls for how it behaves: clock, faults, knobs, tokens, log and reset."""

from __future__ import annotations

import time
from typing import Any

from starlette.responses import Response

from simulator.clock import iso, parse_time
from simulator.faults import Fault
from simulator.request_log import LogFilter
from simulator.state import RESET_PARTS, State
from simulator.web import ArmError, Call, Route, json_response


def wrong(message: str) -> ArmError:
    """A control request that cannot be carried out; the message is a sentence."""
    return ArmError(400, "BadControlRequest", message)


def clock_json(state: State) -> dict[str, Any]:
    """Where the clock stands and whether it stands still."""
    return {"at": iso(state.clock.now()), "frozen": state.clock.frozen_at is not None}


async def _get_clock(call: Call) -> Response:
    return json_response(clock_json(call.state))


async def _set_clock(call: Call) -> Response:
    state, body = call.state, call.json()
    try:
        if body.get("real"):
            state.clock.make_real()
        elif "at" in body:
            state.clock.set(parse_time(str(body["at"])), frozen=bool(body.get("frozen", False)))
        elif "advance_seconds" in body:
            state.clock.advance(float(body["advance_seconds"]))
        elif "frozen" in body:
            state.clock.set(state.clock.now(), frozen=bool(body["frozen"]))
        else:
            raise wrong("Say at, advance_seconds, frozen or real.")
    except (ValueError, TypeError, OverflowError) as problem:
        raise wrong(str(problem)) from None
    state.save()
    return json_response(clock_json(state))


async def _get_faults(call: Call) -> Response:
    return json_response({"value": call.state.faults.as_json()})


async def _add_fault(call: Call) -> Response:
    try:
        call.state.faults.add(Fault.from_json(call.json()))
    except (ValueError, TypeError) as problem:
        raise wrong(str(problem)) from None
    return json_response({"value": call.state.faults.as_json()})


async def _clear_faults(call: Call) -> Response:
    """All, or with ``?n=`` one."""
    number = call.query("n")
    if number is not None and not number.isdigit():
        raise wrong(f"n is the number of a fault, got {number!r}.")
    call.state.faults.clear(None if number is None else int(number))
    return json_response({"value": call.state.faults.as_json()})


async def _get_knobs(call: Call) -> Response:
    """Their values; with ``?describe=true`` also what each accepts and does."""
    if (call.query("describe") or "").lower() == "true":
        return json_response({"value": call.state.knobs.described()})
    return json_response(call.state.knobs.as_json())


async def _set_knobs(call: Call) -> Response:
    try:
        call.state.knobs.update(call.json())
    except ValueError as problem:
        raise wrong(str(problem)) from None
    call.state.save()
    return json_response(call.state.knobs.as_json())


async def _get_log(call: Call) -> Response:
    try:
        wanted = LogFilter.from_query(call.request.query_params)
    except ValueError as problem:
        raise wrong(str(problem)) from None
    return json_response(call.state.log.find(wanted))


async def _clear_log(call: Call) -> Response:
    call.state.log.clear()
    return json_response([])


async def _revoke_tokens(call: Call) -> Response:
    """Every token made until now meets a claims challenge; a new one is good."""
    call.state.knobs.update({"tokens_valid_from": time.time()})
    call.state.save()
    return json_response({"tokens_valid_from": call.state.knobs.tokens_valid_from})


async def _reset(call: Call) -> Response:
    parts = call.json().get("parts", list(RESET_PARTS))
    if not isinstance(parts, list) or not set(parts) <= set(RESET_PARTS):
        raise wrong(f"parts is a list of some of {', '.join(RESET_PARTS)}, got {parts!r}.")
    call.state.reset(frozenset(parts))
    return json_response(clock_json(call.state))


BEHAVIOUR_ROUTES = (
    Route("GET", "/_sim/clock", _get_clock),
    Route("POST", "/_sim/clock", _set_clock),
    Route("GET", "/_sim/faults", _get_faults),
    Route("POST", "/_sim/faults", _add_fault),
    Route("DELETE", "/_sim/faults", _clear_faults),
    Route("GET", "/_sim/knobs", _get_knobs),
    Route("POST", "/_sim/knobs", _set_knobs),
    Route("POST", "/_sim/tokens/revoke", _revoke_tokens),
    Route("GET", "/_sim/log", _get_log),
    Route("DELETE", "/_sim/log", _clear_log),
    Route("POST", "/_sim/reset", _reset),
)
