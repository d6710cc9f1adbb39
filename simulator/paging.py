"""Lists in pages: ``value`` and, while there is more, an absolute ``nextLink``.

The link has the scheme and host of the request it answers, keeps the whole query (filters and any
``api-version``) and adds ``$skiptoken``. Azure calls the token opaque; here it is the number of
rows already sent.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from starlette.responses import Response

from simulator.web import ArmError, Call, json_response

_SKIP_TOKEN = "$skiptoken"  # noqa: S105 - the name of a query parameter


def list_response(call: Call, rows: list[dict[str, Any]]) -> Response:
    """The page of ``rows`` that the call asks for; all of them while the knob ``page_size`` is 0.

    Raises ArmError 400 for a token that no page of this list has named.
    """
    size, start = int(call.state.knobs.page_size), _start(call)
    if not size:
        return json_response({"value": rows[start:]})
    page: dict[str, Any] = {"value": rows[start : start + size]}
    if start + size < len(rows):
        page["nextLink"] = _link(call, start + size)
    return json_response(page)


def _start(call: Call) -> int:
    token = call.query(_SKIP_TOKEN) or "0"
    if not (token.isascii() and token.isdigit()):
        raise ArmError(400, "InvalidSkipToken", f"The skip token '{token}' is not valid.")
    return int(token)


def _link(call: Call, start: int) -> str:
    """The path and the query stay as they were sent, byte by byte, but for the token."""
    scope = call.request.scope
    path = scope.get("raw_path", b"").decode("latin-1") or quote(scope["path"])
    pairs = scope["query_string"].decode("latin-1").split("&")
    kept = [pair for pair in pairs if unquote(pair.partition("=")[0]).lower() != _SKIP_TOKEN]
    return f"{call.origin}{path}?{'&'.join([*kept, f'{_SKIP_TOKEN}={start}'])}"
