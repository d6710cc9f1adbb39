"""What is said to paths and methods that nobody plays.

Codes and sentences are ARM's, so a client takes its usual way; the header ``x-simulator-note``
tells a person that it is the simulator who lacks the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.requests import Request

from simulator.web import ArmError

_NAMESPACES = ("microsoft.cognitiveservices", "microsoft.apimanagement")
_RESOURCE = re.compile(
    r"/subscriptions/[^/]+(?:/resourceGroups/[^/]+)?/providers/(?P<namespace>[^/]+)(?P<rest>/.*)?",
    re.IGNORECASE,
)


def not_played(
    request: Request, methods: list[str], check_authorization: Callable[[str | None], None]
) -> ArmError:
    """The error for a request that no route takes; ``methods`` are those the path does have.

    ``check_authorization``: resources answer only those who show a token, as in ARM; it raises.
    """
    path, method = request.url.path, request.method
    headers = {"x-simulator-note": f"The simulator does not play {method} {_printable(path)}"}
    if methods:
        message = f"The resource does not support {method}; it supports {', '.join(methods)}."
        return ArmError(405, "MethodNotAllowed", message, {**headers, "Allow": ", ".join(methods)})
    if path.startswith("/_sim"):
        message = f"The control API has no {path}; docs/reference/simulator.md lists its calls."
        return ArmError(404, "NotFound", message, headers)
    resource = _RESOURCE.fullmatch(re.sub("/{2,}", "/", path))
    if resource is None:
        return ArmError(
            404, "MissingSubscription",
            "The request did not have a subscription or a valid tenant level resource provider.",
            headers,
        )  # fmt: skip
    check_authorization(request.headers.get("authorization"))
    namespace = resource["namespace"]
    if namespace.lower() not in _NAMESPACES:
        message = f"The resource namespace '{namespace}' is invalid."
        return ArmError(404, "InvalidResourceNamespace", message, headers)
    kind = "/".join((resource["rest"] or "").strip("/").split("/")[::2])
    version = request.query_params.get("api-version", "")
    return ArmError(
        404, "InvalidResourceType",
        f"The resource type '{kind}' could not be found in the namespace '{namespace}' for api "
        f"version '{version}'.",
        headers,
    )  # fmt: skip


def _printable(path: str) -> str:
    """A header holds Latin letters only."""
    return path.encode("ascii", "backslashreplace").decode()[:200]
