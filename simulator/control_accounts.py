"""Control calls that change accounts and retire models: what the owner, or Azure, does there."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulator.account_json import account_json
from simulator.plan_file import read_plan
from simulator.posture import posture_problem
from simulator.state import State
from simulator.upgrades import catch_up
from simulator.web import ArmError, Call, Route, json_response

_ACCOUNT_FIELDS = ("sku", "tags", "identity", "properties")


def edit_account(state: State, name: str, body: dict[str, Any]) -> Response:
    """Somebody changes an account in the Azure portal; ``properties`` are merged, null unsets one.

    Raises ArmError 404 for an unknown account and 400 for an entry Azure does not know.
    """
    account = next(
        (each for each in state.world.accounts if each.name.lower() == name.lower()), None
    )
    if account is None:
        raise ArmError(404, "ResourceNotFound", f"There is no account {name}.")
    problem = posture_problem(body) or _no_change(body)
    if problem:
        raise ArmError(400, "BadControlRequest", problem)
    fields = {key: body[key] for key in _ACCOUNT_FIELDS if body.get(key) is not None}
    if "identity" in body:
        fields["identity"] = body["identity"]
    if "properties" in fields:
        fields["properties"] = {**account.properties, **body["properties"]}
    edited = state.resources.change_account(account, state.clock.now(), **fields)
    state.save()
    return json_response(account_json(edited))


def _no_change(body: dict[str, Any]) -> str | None:
    if any(body.get(key) is not None for key in _ACCOUNT_FIELDS) or "identity" in body:
        return None
    return f"Say what of the account changes: {', '.join(_ACCOUNT_FIELDS)}."


async def _retire_model(call: Call) -> Response:
    """Azure announces the end of a model version; without ``retires_at`` it ends now."""
    state, body = call.state, call.json()
    try:
        plan = read_plan(body, state.clock.now())
    except ValueError as problem:
        raise ArmError(400, "BadControlRequest", str(problem)) from None
    state.lifecycles.set(plan)
    state.save()
    catch_up(state)
    return json_response(plan.as_json())


async def _get_models(call: Call) -> Response:
    """The retirements that are planned or past."""
    return json_response({"value": call.state.lifecycles.as_json()})


MODEL_CONTROLS = (
    Route("GET", "/_sim/models", _get_models),
    Route("POST", "/_sim/models", _retire_model),
)
