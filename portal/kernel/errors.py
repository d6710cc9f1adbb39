"""Errors that speak: a code for machines and a sentence for people.

A sentence says what happened, what was kept, and what to do next. One place
(`portal.problems`) turns a `DomainError` into a page message or problem+json.
"""

from datetime import timedelta
from enum import StrEnum


class DomainError(Exception):
    """Something a person can act on. `code` is stable; `sentence` is shown as it is."""

    code = "refused"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code:
            self.code = code


class ChangedMeanwhile(DomainError):
    """Somebody else moved the row first; nothing of ours was written."""

    code = "changed_meanwhile"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} was changed by someone else a moment ago. Nothing of yours was saved: "
            "look at it again, then decide."
        )


class CloudReason(StrEnum):
    """Why Azure did not do what was asked.

    One word each; the pages and the retry rules know them.
    """

    THROTTLED = "throttled"
    CONFLICT = "conflict"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    CAPACITY_NOT_AVAILABLE = "capacity_not_available"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


class CloudError(DomainError):
    """Azure refused, failed, or could not be reached.

    `azure_code` and `azure_message` are what Azure answered, word for word ("" where it said
    nothing);
    `retry_after` is what it asked us to wait. `maybe_applied` is true when a write may have been
    carried out although no answer came (read back before writing again).
    """

    def __init__(
        self,
        reason: CloudReason,
        sentence: str,
        *,
        azure_code: str = "",
        azure_message: str = "",
        status: int | None = None,
        retry_after: timedelta | None = None,
        maybe_applied: bool = False,
    ) -> None:
        super().__init__(sentence, code=f"azure_{reason.value}")
        self.reason = reason
        self.azure_code = azure_code
        self.azure_message = azure_message
        self.status = status
        self.retry_after = retry_after
        self.maybe_applied = maybe_applied


class GatewayChanged(CloudError):
    """The policy of a gateway's product is no longer the one that was read; nothing was written.

    Not retried: what is there now has to be read, and looked at, before it is replaced.
    """

    code = "gateway_changed"

    def __init__(self, what: str, *, azure_code: str = "", azure_message: str = "") -> None:
        super().__init__(
            CloudReason.CONFLICT,
            f"The {what} was changed by someone else after it was read. Nothing of ours was "
            "written: read it again, look at the difference, then decide.",
            azure_code=azure_code,
            azure_message=azure_message,
            status=412,
        )
        self.code = type(self).code
