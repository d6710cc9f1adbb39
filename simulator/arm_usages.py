"""ARM's usages: quota rows of a location (``locations/{l}/usages``) and of one account.

``currentValue`` is what deployments hold, not their traffic; limits and values are floats. Two rows
count accounts, so that a reader learns that not every row is a pool of capacity; the knob
``more_usage_rows`` adds the other kinds that Azure is known to list.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from starlette.responses import Response

from simulator.arm_lookup import ACCOUNT, LOCATION, called_account, called_location
from simulator.models_catalogue import quota_label_of
from simulator.paging import list_response
from simulator.quota import PoolRow
from simulator.scopes import GLOBAL_PLACE
from simulator.state import State
from simulator.web import ArmError, Call, Route, json_response

_ACCOUNT_LIMIT, _REGION_LIMIT = 30, 200
# Names and spellings as recorded from Azure (2023: the first six) and as clients report them; some
# are of retired models, whose rows stay. Limits and the labels of the last three are examples.
_MORE_ROWS = (
    ("OpenAI.FineTuned.Deployments", "Standard Fine-Tuned Deployments", 8),
    ("OpenAI.Dedicated.text-curie-001", "Dedicated Unit - text-curie-0011", 2),
    ("OpenAI.Dedicated.text-davinci-002", "Dedicated Unit - text-davinci-002", 0),
    ("OpenAI.Standard.ada", "Tokens Per Minute (thousands) - Ada", 240),
    ("OpenAI.Standard.gpt-35-turbo", "Tokens Per Minute (thousands) - GPT-35-Turbo", 480),
    (
        "OpenAI.Standard.text-embedding-ada-002",
        "Tokens Per Minute (thousands) - Text-Embedding-Ada-002",
        900,
    ),
    (
        "AIServices.GlobalStandard.gpt-oss-120b",
        "Tokens Per Minute (thousands) - gpt-oss-120b",
        5000,
    ),
    ("AIServices.GlobalStandard.MaaS", "Tokens Per Minute (thousands) - MaaS", 400),
    (
        "OpenAI.GlobalStandard.gpt-4.1-mini-finetune",
        "One Thousand Tokens Per Minute - gpt-4.1-mini - GlobalStandard - finetune",
        500,
    ),
    ("OpenAI.Provisioned.GPT4o", "Provisioned Throughput Unit - GPT4o", 0),
)
_FILTER_TERM = re.compile(r"\s*name(?:\.|/)value\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
_OR = re.compile(r"\s+or\s+", re.IGNORECASE)


async def _list_of_location(call: Call) -> Response:
    region = called_location(call, "usages")
    rows = usage_rows(call.state, call.path["subscription"], region)
    return list_response(call, _filtered(call, rows))


async def _list_of_account(call: Call) -> Response:
    """What this account's deployments hold of each pool, against the limit of the whole pool.

    Which rows Azure lists for an account that hosts deployments is not verified.
    """
    account, state = called_account(call), call.state
    held: Counter[str] = Counter()
    limits: dict[str, int] = {}
    for each in account.deployments:
        held[each.sku.usage_name] += state.capacity(each)
        limits[each.sku.usage_name] = state.quota.limit(each.pool)
    rows = [
        {**_usage(name, quota_label_of(name), units, limits[name]), "status": "Included"}
        for name, units in held.items()
    ]
    return json_response({"value": _filtered(call, rows)})


def usage_rows(state: State, subscription: str, region: str) -> list[dict[str, Any]]:
    """Quota rows of a location.

    The location ``global`` lists the pools that are global; a region lists those too.
    """
    rows = [_pool_usage(state, row) for row in state.quota.rows_of_region(subscription, region)]
    if region == GLOBAL_PLACE:
        return rows
    if state.knobs.more_usage_rows:
        listed = {row["name"]["value"].lower() for row in rows}
        rows += [
            _usage(name, label, 0, limit)
            for name, label, limit in _MORE_ROWS
            if name.lower() not in listed
        ]
    return [*rows, *_account_counts(state, subscription, region)]


def _account_counts(state: State, subscription: str, region: str) -> list[dict[str, Any]]:
    here = [
        each
        for each in state.world.accounts
        if each.subscription.lower() == subscription.lower() and each.region == region
    ]
    of_openai = sum(each.kind == "OpenAI" for each in here)
    label = "Maximum resources for OpenAI S0 sku."
    return [
        _usage("OpenAI.S0.AccountCount", label, of_openai, _ACCOUNT_LIMIT),
        _usage("AccountCount", "Maximum Resources per Region", len(here), _REGION_LIMIT),
    ]


def _pool_usage(state: State, row: PoolRow) -> dict[str, Any]:
    usage = _usage(row.usage_name, quota_label_of(row.usage_name), row.allocated, row.limit)
    return {**usage, **scope_json(state, row.scope_type, row.scope_id)}


def scope_json(state: State, scope_type: str | None, scope_id: str) -> dict[str, str]:
    """``scopeType`` and ``scopeId``; empty where the regime was never said, unless by the knob."""
    said = scope_type or state.knobs.usage_scope_type
    return {"scopeType": said, "scopeId": scope_id} if said else {}


def _usage(name: str, label: str, current: int, limit: int) -> dict[str, Any]:
    return {
        "name": {"value": name, "localizedValue": label},
        "currentValue": float(current),
        "limit": float(limit),
        "unit": "Count",
    }


def _filtered(call: Call, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows ``$filter`` names: ``name.value eq 'A' or name.value eq 'B'``, without case.

    The SDK's documentation says that this is all it can name. Raises ArmError 400 for more; that
    code is not verified.
    """
    text = call.query("$filter")
    if not text:
        return rows
    terms = [_FILTER_TERM.fullmatch(part) for part in _OR.split(text)]
    if not all(terms):
        raise ArmError(
            400, "InvalidFilterInQueryString",
            f"Invalid $filter '{text}' specified in the query string; the supported parameter is "
            "name.value, of which several may be joined with or.",
        )  # fmt: skip
    names = {term[1].lower() for term in terms if term}
    return [row for row in rows if row["name"]["value"].lower() in names]


USAGE_ROUTES = (
    Route("GET", f"{LOCATION}/usages", _list_of_location),
    Route("GET", f"{ACCOUNT}/usages", _list_of_account),
)
