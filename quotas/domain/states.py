"""State machines as plain tables: what may follow what.

A service moves the row by compare-and-swap.
"""

from enum import StrEnum

from portal.kernel.errors import DomainError


class _Choices(StrEnum):
    """A string enum that models accept as choices, without Django."""

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()

    @classmethod
    def pairs(cls) -> list[tuple[str, str]]:
        return [(member.value, member.label) for member in cls]


class RequestState(_Choices):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    TIMED_OUT = "timed_out"


class RequestEvent(_Choices):
    SUBMIT = "submit"
    REVIEW = "review"
    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    TIME_OUT = "time_out"


REQUEST_TRANSITIONS: dict[tuple[RequestState, RequestEvent], RequestState] = {
    (RequestState.DRAFT, RequestEvent.SUBMIT): RequestState.SUBMITTED,
    (RequestState.DRAFT, RequestEvent.WITHDRAW): RequestState.WITHDRAWN,
    (RequestState.DRAFT, RequestEvent.TIME_OUT): RequestState.TIMED_OUT,
    (RequestState.SUBMITTED, RequestEvent.REVIEW): RequestState.IN_REVIEW,
    (RequestState.SUBMITTED, RequestEvent.APPROVE): RequestState.APPROVED,
    (RequestState.SUBMITTED, RequestEvent.DENY): RequestState.DENIED,
    (RequestState.SUBMITTED, RequestEvent.WITHDRAW): RequestState.WITHDRAWN,
    (RequestState.SUBMITTED, RequestEvent.TIME_OUT): RequestState.TIMED_OUT,
    (RequestState.IN_REVIEW, RequestEvent.APPROVE): RequestState.APPROVED,
    (RequestState.IN_REVIEW, RequestEvent.DENY): RequestState.DENIED,
    (RequestState.IN_REVIEW, RequestEvent.WITHDRAW): RequestState.WITHDRAWN,
    (RequestState.IN_REVIEW, RequestEvent.TIME_OUT): RequestState.TIMED_OUT,
}
TERMINAL_REQUEST_STATES = frozenset(
    {RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN, RequestState.TIMED_OUT}
)


class ChangeState(_Choices):
    PLANNED = "planned"
    WRITING = "writing"
    POLLING = "polling"
    VERIFYING = "verifying"
    RETRY_WAIT = "retry_wait"
    BLOCKED = "blocked"
    NEEDS_HUMAN = "needs_human"
    SUCCEEDED = "succeeded"
    SUPERSEDED = "superseded"


OPEN_CHANGE_STATES = frozenset(ChangeState) - {ChangeState.SUCCEEDED, ChangeState.SUPERSEDED}
_MAY_FOLLOW: dict[ChangeState, frozenset[ChangeState]] = {
    ChangeState.PLANNED: frozenset({ChangeState.WRITING, ChangeState.VERIFYING}),
    ChangeState.WRITING: frozenset({ChangeState.POLLING, ChangeState.VERIFYING}),
    ChangeState.POLLING: frozenset({ChangeState.POLLING, ChangeState.VERIFYING}),
    ChangeState.VERIFYING: frozenset({ChangeState.SUCCEEDED}),
    ChangeState.RETRY_WAIT: frozenset({ChangeState.WRITING, ChangeState.VERIFYING}),
    ChangeState.BLOCKED: frozenset({ChangeState.WRITING, ChangeState.VERIFYING}),
    ChangeState.NEEDS_HUMAN: frozenset({ChangeState.WRITING, ChangeState.VERIFYING}),
}
# Any open change may fall back to these at any moment.
_ALWAYS = frozenset(
    {ChangeState.RETRY_WAIT, ChangeState.BLOCKED, ChangeState.NEEDS_HUMAN, ChangeState.SUPERSEDED}
)


class TransitionNotAllowed(DomainError):
    code = "transition_not_allowed"


def next_request_state(state: RequestState, event: RequestEvent) -> RequestState:
    """Where the event leads. Raises TransitionNotAllowed; a terminal state allows nothing."""
    try:
        return REQUEST_TRANSITIONS[state, event]
    except KeyError:
        raise TransitionNotAllowed(
            f"This request is {state.replace('_', ' ')}; it can no longer be changed that way. "
            "Nothing was saved."
        ) from None


def check_change_move(old: ChangeState, new: ChangeState) -> None:
    """Raises TransitionNotAllowed unless a change may go from `old` to `new`."""
    if old not in OPEN_CHANGE_STATES or new not in (_MAY_FOLLOW[old] | _ALWAYS):
        raise TransitionNotAllowed(f"A change that is {old} cannot become {new}.")
