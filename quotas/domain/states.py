"""State machines as plain tables: what may follow what.

A service moves the row by compare-and-swap.
"""

from datetime import datetime, timedelta
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
    NEEDS_INFO = "needs_info"
    COUNTER_OFFERED = "counter_offered"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    TIMED_OUT = "timed_out"


class RequestEvent(_Choices):
    """`ADVANCE` opens the next stage; `EDIT` is the requester's, who may answer a question by it.
    `ACCEPT` takes an offer that other stages have yet to see; one that none has is approved.
    """

    SUBMIT = "submit"
    REVIEW = "review"
    ADVANCE = "advance"
    EDIT = "edit"
    ASK = "ask"
    ANSWER = "answer"
    COUNTER_OFFER = "counter_offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    TIME_OUT = "time_out"


_S, _E = RequestState, RequestEvent
REQUEST_TRANSITIONS: dict[tuple[RequestState, RequestEvent], RequestState] = {
    (_S.DRAFT, _E.EDIT): _S.DRAFT,
    (_S.DRAFT, _E.SUBMIT): _S.SUBMITTED,
    (_S.DRAFT, _E.TIME_OUT): _S.TIMED_OUT,
    (_S.SUBMITTED, _E.REVIEW): _S.IN_REVIEW,
    (_S.SUBMITTED, _E.APPROVE): _S.APPROVED,
    (_S.SUBMITTED, _E.DENY): _S.DENIED,
    (_S.SUBMITTED, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.SUBMITTED, _E.TIME_OUT): _S.TIMED_OUT,
    (_S.IN_REVIEW, _E.ADVANCE): _S.IN_REVIEW,
    (_S.IN_REVIEW, _E.EDIT): _S.IN_REVIEW,
    (_S.IN_REVIEW, _E.ASK): _S.NEEDS_INFO,
    (_S.IN_REVIEW, _E.COUNTER_OFFER): _S.COUNTER_OFFERED,
    (_S.IN_REVIEW, _E.APPROVE): _S.APPROVED,
    (_S.IN_REVIEW, _E.DENY): _S.DENIED,
    (_S.IN_REVIEW, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.IN_REVIEW, _E.TIME_OUT): _S.TIMED_OUT,
    (_S.NEEDS_INFO, _E.ANSWER): _S.IN_REVIEW,
    (_S.NEEDS_INFO, _E.EDIT): _S.IN_REVIEW,
    (_S.NEEDS_INFO, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.NEEDS_INFO, _E.TIME_OUT): _S.TIMED_OUT,
    (_S.COUNTER_OFFERED, _E.ACCEPT): _S.IN_REVIEW,
    (_S.COUNTER_OFFERED, _E.APPROVE): _S.APPROVED,
    (_S.COUNTER_OFFERED, _E.DECLINE): _S.IN_REVIEW,
    (_S.COUNTER_OFFERED, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.COUNTER_OFFERED, _E.TIME_OUT): _S.TIMED_OUT,
}
TERMINAL_REQUEST_STATES = frozenset({_S.APPROVED, _S.DENIED, _S.WITHDRAWN, _S.TIMED_OUT})
OPEN_REQUEST_STATES = frozenset(_S) - TERMINAL_REQUEST_STATES
# Sent and not ended: what people wait for. A draft is its writer's alone.
WAITING_REQUEST_STATES = OPEN_REQUEST_STATES - {_S.DRAFT}
EDITABLE_REQUEST_STATES = frozenset({_S.IN_REVIEW, _S.NEEDS_INFO})
# How long each open state may last; a review has the limit of its stage instead. Every state but
# a draft ends a last call before the window does, too: `deadline` below.
LONGEST_OPEN: dict[RequestState, timedelta | None] = {
    _S.DRAFT: timedelta(days=30),
    _S.SUBMITTED: timedelta(days=7),
    _S.IN_REVIEW: None,
    _S.NEEDS_INFO: timedelta(days=7),
    _S.COUNTER_OFFERED: timedelta(days=3),
}
LAST_CALL = timedelta(minutes=15)  # an answer after this would come too late to matter


def deadline(
    state: RequestState, *, since: datetime, ends_at: datetime, stage_hours: int = 0
) -> datetime:
    """When an open state ends by time alone: min(its limit, end − 15 min).

    A quarter of an hour is left to read it, though never past the end. `since` is when the state
    was entered, `stage_hours` the limit of the open stage, in hours. Raises KeyError for a
    terminal state.
    """
    limit = since + (LONGEST_OPEN[state] or timedelta(hours=stage_hours))
    if state == RequestState.DRAFT:
        return limit
    return min(limit, max(ends_at - LAST_CALL, min(since + LAST_CALL, ends_at)))


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
# What waits for a person goes on from a wait, once somebody agreed; never straight into a write.
_MAY_FOLLOW: dict[ChangeState, frozenset[ChangeState]] = {
    ChangeState.PLANNED: frozenset({ChangeState.WRITING, ChangeState.VERIFYING}),
    ChangeState.WRITING: frozenset({ChangeState.POLLING, ChangeState.VERIFYING}),
    ChangeState.POLLING: frozenset({ChangeState.POLLING, ChangeState.VERIFYING}),
    ChangeState.VERIFYING: frozenset({ChangeState.SUCCEEDED}),
    ChangeState.RETRY_WAIT: frozenset({ChangeState.WRITING, ChangeState.VERIFYING}),
    ChangeState.BLOCKED: frozenset({ChangeState.WRITING, ChangeState.VERIFYING}),
    ChangeState.NEEDS_HUMAN: frozenset(),
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
