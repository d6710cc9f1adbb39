"""`showback.gateway.CallerSource` on Log Analytics: API Management gateways' logs of a workspace.

The raw path: the SDK's pipeline (token, retry, timeouts) without its objects, as for metrics; a
test holds both equal. One query covers an hour at most. Where Azure answers with a part of it (200
with an error: too many rows, too many bytes) or not in time (504), the halves are asked, down to a
minute; what is then still partial is not received.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import orjson
from azure.core.rest import HttpRequest

from portal.cloud.callers_answer import CallerTally
from portal.cloud.callers_query import callers_query, timespan_of
from portal.cloud.clients import logs_client
from portal.cloud.errors import azure_errors
from portal.cloud.retry import TEMPORARY_STATUSES
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.gateway import CallerAnswer

LONGEST_QUERY = HOUR
# Below the client's read timeout, so that it is Azure who gives up, and says so.
SERVER_SECONDS = 50
TOO_SLOW = 504
# After these the rest of the window would fail in the same way.
STOP_AFTER = frozenset(
    {
        CloudReason.THROTTLED,
        CloudReason.FORBIDDEN,
        CloudReason.TIMEOUT,
        CloudReason.BAD_REQUEST,
        CloudReason.NOT_FOUND,
    }
)


class AzureCallers:
    """Stateless: the client behind it is kept per process in `portal.cloud.clients`."""

    # Microsoft promises no time; the gateway's rows are seen after two to ten minutes.
    settles_after = timedelta(minutes=15)

    def pull(self, *, workspace_id: str, window: Window) -> CallerAnswer:
        """All callers behind the gateways that log there, by minute.

        ValueError unless the window is of whole minutes. What could not be read is not `received`
        and in `problems`; CloudError when no query was answered, even in part.
        """
        tally = CallerTally(window)
        errors: list[CloudError] = []
        waiting = _parts(window)
        while waiting and not (errors and errors[-1].reason in STOP_AFTER):
            part = waiting.pop()
            try:
                cut = _read(workspace_id, part, tally)
            except CloudError as error:
                if error.status != TOO_SLOW or part.length <= MINUTE:
                    errors.append(error)
                    tally.note(error.sentence)
                    continue
                cut = error.sentence
            if cut and part.length > MINUTE:
                waiting += _halves(part)
            elif cut:
                tally.note(cut)
        if errors and not tally.has_answers:
            raise errors[0]
        return tally.answer()


def _read(workspace_id: str, part: Window, tally: CallerTally) -> str:
    """Takes the answer in; or a sentence when Azure gave a part of it only."""
    with azure_errors(f"query the gateway logs of workspace {workspace_id}"):
        body = _ask(workspace_id, part)
        if body.get("error"):
            tally.has_answers = True
            return (
                f"Log Analytics answered only a part of the minutes from {part.start:%d %b %H:%M} "
                f"UTC of workspace {workspace_id} ({_said(body['error'])}). They are pulled again "
                "later."
            )
        tally.add(part, body)
    return ""


def _ask(workspace_id: str, part: Window) -> dict[str, Any]:
    response = logs_client().send_request(
        HttpRequest(
            "POST",
            f"/workspaces/{quote(workspace_id, safe='')}/query",
            headers={"Prefer": f"wait={SERVER_SECONDS}"},
            json={"query": callers_query(part), "timespan": timespan_of(part)},
        ),
        retry_on_methods=["POST"],  # it only reads
        temporary_statuses=TEMPORARY_STATUSES - {TOO_SLOW},  # a smaller window helps, not a repeat
    )
    response.raise_for_status()
    body = orjson.loads(response.content)
    if not isinstance(body, dict):
        raise TypeError(f"an object was expected, not a {type(body).__name__}")
    return body


def _said(error: Any) -> str:
    """The innermost message: the outer ones say only that something went wrong."""
    message = ""
    while isinstance(error, dict):
        message = str(error.get("message") or message)
        details = error.get("details")
        error = error.get("innererror") or (details[0] if details else None)
    return message.strip().rstrip(".") or "without saying why"


def _parts(window: Window) -> list[Window]:
    """Of an hour at most, the first one last: a stack."""
    starts = range(0, window.length // MINUTE, LONGEST_QUERY // MINUTE)
    parts = [
        Window(
            window.start + start * MINUTE,
            min(window.start + start * MINUTE + LONGEST_QUERY, window.end),
        )
        for start in starts
    ]
    return parts[::-1]


def _halves(part: Window) -> list[Window]:
    middle = part.start + (part.length // MINUTE // 2) * MINUTE
    return [Window(middle, part.end), Window(part.start, middle)]
