"""Accounts and their models, to be read."""

from __future__ import annotations

from starlette.responses import Response

from simulator.account_json import account_json
from simulator.arm_lookup import (
    ACCOUNT,
    ACCOUNTS,
    PROVIDER,
    SUBSCRIPTION,
    accounts_of_group,
    accounts_of_subscription,
    called_account,
)
from simulator.model_json import account_model_rows
from simulator.paging import list_response
from simulator.web import Call, Route, json_response


async def _list_accounts(call: Call) -> Response:
    rows = [account_json(each) for each in accounts_of_subscription(call)]
    return list_response(call, rows)


async def _list_accounts_of_group(call: Call) -> Response:
    rows = [account_json(each) for each in accounts_of_group(call)]
    return list_response(call, rows)


async def _get_account(call: Call) -> Response:
    return json_response(account_json(called_account(call)))


async def _list_models(call: Call) -> Response:
    rows = account_model_rows(call.state, called_account(call).kind)
    return list_response(call, rows)


ACCOUNT_ROUTES = (
    Route("GET", f"{SUBSCRIPTION}{PROVIDER}/accounts", _list_accounts),
    Route("GET", ACCOUNTS, _list_accounts_of_group),
    Route("GET", ACCOUNT, _get_account),
    Route("GET", f"{ACCOUNT}/models", _list_models),
)
