"""A long-running write that moves only when it is told to: one step is one request.

The SDK's own poller sleeps in a thread until Azure is done. A worker's task must not: it sends the
write, stores the continuation token (text: the addresses to ask, and Azure's first answer; no
secret), and any process asks once per task.
"""

from datetime import timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.polling.base_polling import BadResponse, BadStatus, OperationFailed
from azure.mgmt.core.polling.arm_polling import ARMPolling

from portal.cloud.retry import retry_after_seconds

# Where Azure asks for no wait; whoever asks waits longer, the longer it takes.
DEFAULT_STEP_SECONDS = 1.0
_FAILED = ("failed", "canceled", "cancelled")


class StepPolling(ARMPolling):
    """`begin_…` sends the write alone; `step()` asks once. Neither sleeps.

    No final GET of the resource: the portal verifies by a read-back of its own.
    """

    def __init__(self, request_id: str) -> None:
        super().__init__(
            DEFAULT_STEP_SECONDS, lro_options={"final-state-via": "location"}, request_id=request_id
        )

    def run(self) -> None:
        """Called by the SDK's poller right after the first answer: nothing to do."""

    def step(self) -> None:
        """Asks Azure once, unless it has ended. Raises HttpResponseError when the asking failed."""
        if self.finished():
            return
        try:
            self.update_status()
        except BadStatus as error:
            raise HttpResponseError(response=self._answer(), error=error) from error
        except BadResponse as error:
            raise HttpResponseError(str(error), response=self._answer(), error=error) from error
        except OperationFailed as error:
            raise HttpResponseError(response=self._answer(), error=error) from error

    def check_success(self) -> None:
        """Raises HttpResponseError, its inner exception OperationFailed, when Azure gave up."""
        if self.status().lower() in _FAILED:
            failed = OperationFailed("Operation failed or canceled")
            raise HttpResponseError(response=self._answer(), error=failed)

    def next_step_after(self) -> timedelta:
        """How long Azure asks us to wait before the next step."""
        seconds = retry_after_seconds(self._answer().headers)
        return timedelta(seconds=DEFAULT_STEP_SECONDS if seconds is None else seconds)

    def _answer(self) -> Any:
        return self._pipeline_response.http_response
