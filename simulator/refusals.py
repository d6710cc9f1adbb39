"""Refusals without a rule of the world: denied actions, stale etags, planned failures."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from simulator.state import State
from simulator.web import ArmError, Call
from simulator.world import Account

_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}
_MORE = ("target", "details", "additionalInfo")
_MESSAGES = {
    "InsufficientQuota": "The specified capacity is bigger than the available capacity.",
    "715-123420": "An error occurred. Please reach out to support for additional assistance.",
    "SpecialFeatureOrQuotaIdRequired": (
        "The subscription does not have QuotaId/Feature required by SKU 'S0' from kind '{kind}'."
    ),
}


def action_of(method: str, path: str) -> str | None:
    """The permission a call needs, such as Microsoft.CognitiveServices/accounts/read.

    None for a path without a provider. The type is every other segment behind the provider.
    """
    if path.lower().endswith("/metrics:getbatch"):
        return "Microsoft.Insights/metrics/read"
    _scope, found, rest = path.partition("/providers/")
    if not found:
        return None
    provider, *segments = rest.strip("/").split("/")
    return "/".join([provider, *segments[::2], _VERBS.get(method, "action")])


def check_allowed(call: Call, claims: Mapping[str, Any]) -> None:
    """Raises ArmError 403 for an action that matches one of the knob ``denied_actions``.

    Patterns are those of role definitions (``Microsoft.CognitiveServices/*/write``), without case.
    ``claims`` are the token's; the refusal names who asked.
    """
    path = call.request.url.path
    action = action_of(call.request.method, path)
    patterns = call.state.knobs.denied_actions
    if action is None or not any(fnmatchcase(action.lower(), each.lower()) for each in patterns):
        return
    raise ArmError(
        403, "AuthorizationFailed",
        f"The client '{claims.get('appid')}' with object id '{claims.get('oid')}' does not have "
        f"authorization to perform action '{action}' over scope '{path}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials.",
    )  # fmt: skip


def check_etag(call: Call, resource: dict[str, Any] | None) -> None:
    """Raises ArmError 412 when If-Match or If-None-Match does not hold; ``*`` matches what is."""
    headers = call.request.headers
    wanted, unwanted = headers.get("if-match"), headers.get("if-none-match")
    etag = None if resource is None else resource["etag"]
    stale = wanted is not None and not _matches(wanted, etag)
    if stale or (unwanted is not None and _matches(unwanted, etag)):
        raise ArmError(
            412, "PreconditionFailed",
            "The condition specified by the If-Match or If-None-Match header is not met.",
        )  # fmt: skip


def _matches(header: str, etag: str | None) -> bool:
    if etag is None:
        return False
    given = {each.strip().removeprefix("W/").strip('"') for each in header.split(",")}
    return "*" in given or etag.strip('"') in given


def refuse_by_knob(state: State, account: Account) -> None:
    """Raises ArmError 400 with the code of the knob ``write_refusal``."""
    code = state.knobs.write_refusal
    if code:
        message = _MESSAGES.get(code, "The write was refused.").format(kind=account.kind)
        raise ArmError(400, code, message)


def planned_failure(state: State) -> dict[str, Any] | None:
    """How the next write is to fail: the first that was planned, else the knob's result."""
    if state.operations.failures:
        return state.operations.failures.pop(0)
    return failure_of(state.knobs.operation_result) if state.knobs.operation_result else None


def failure_error(failure: dict[str, Any]) -> ArmError:
    """The failure as the answer to a request."""
    more = {name: failure[name] for name in _MORE if name in failure}
    return ArmError(400, failure["code"], failure["message"], more=more)


def failure_of(asked: dict[str, Any]) -> dict[str, Any]:
    """``code`` and ``message``, the latter by default that of Azure; ``target``, ``details`` and
    ``additionalInfo`` as they are. Raises ValueError.
    """
    code, message = asked.get("code"), asked.get("message")
    if not isinstance(code, str) or not code or not isinstance(message, str | None):
        raise ValueError('A failure is {"code": "InsufficientQuota", "message": "…"}.')
    more = {name: asked[name] for name in _MORE if name in asked}
    words = message or _MESSAGES.get(code, "The operation failed.")
    return {"code": code, "message": words, **more}
