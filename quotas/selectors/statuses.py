"""One word, one colour, one icon for each state of a request and of a change."""

from portal.kernel.status import Status, Tone
from quotas.domain.grants import Phase
from quotas.domain.states import ChangeState, RequestState

OF_REQUEST = {
    RequestState.DRAFT: Status("Draft", Tone.QUIET, "pencil-square"),
    RequestState.SUBMITTED: Status("In review", Tone.INFO, "eye"),
    RequestState.IN_REVIEW: Status("In review", Tone.INFO, "eye"),
    RequestState.NEEDS_INFO: Status("Needs an answer", Tone.ATTENTION, "chat-bubble-left-right"),
    RequestState.COUNTER_OFFERED: Status("Offer waits", Tone.ATTENTION, "arrows-right-left"),
    RequestState.APPROVED: Status("Approved", Tone.OK),
    RequestState.DENIED: Status("Denied", Tone.DANGER),
    RequestState.WITHDRAWN: Status("Withdrawn", Tone.QUIET, "arrow-uturn-left"),
    RequestState.TIMED_OUT: Status("Timed out", Tone.QUIET, "clock"),
}
OF_PHASE = {
    Phase.UPCOMING: Status("Upcoming", Tone.INFO, "calendar"),
    Phase.STARTING: Status("Starting", Tone.ATTENTION, "clock"),
    Phase.ON: Status("On", Tone.OK, "bolt"),
    Phase.ENDING: Status("Ending", Tone.ATTENTION, "clock"),
    Phase.OVER: Status("Over"),
}
GIVEN_BACK = Status("Given back", Tone.QUIET, "arrow-uturn-left")
NOT_APPLIED = Status("Approved, not applied", Tone.ATTENTION, "eye")
NEVER_APPLIED = Status("Never applied", Tone.DANGER)
GAVE_UP = Status("Gave up", Tone.DANGER)
AT_RISK = Status("At risk", Tone.DANGER, "shield-exclamation")
ON_AT_RISK = Status("On, at risk", Tone.ATTENTION, "shield-exclamation")
REFUSED = Status("Not applied", Tone.DANGER)
OF_CHANGE = {
    ChangeState.PLANNED: Status("Planned", Tone.INFO, "clock"),
    ChangeState.WRITING: Status("Writing", Tone.INFO, "arrow-path"),
    ChangeState.POLLING: Status("Azure is at work", Tone.INFO, "arrow-path"),
    ChangeState.VERIFYING: Status("Verifying", Tone.INFO, "arrow-path"),
    ChangeState.RETRY_WAIT: Status("Tries again", Tone.ATTENTION, "clock"),
    ChangeState.BLOCKED: Status("Blocked", Tone.DANGER),
    ChangeState.NEEDS_HUMAN: Status("Needs a yes", Tone.ATTENTION, "hand-raised"),
    ChangeState.SUCCEEDED: Status("Verified", Tone.OK),
    ChangeState.SUPERSEDED: Status("Replaced", Tone.QUIET, "arrow-path"),
}
UNWRITABLE = Status("Cannot be written", Tone.DANGER)
NOT_PLANNED = Status("Not planned", Tone.DANGER)
OVERSOLD = Status("More promised than allowed", Tone.DANGER)
FITS = Status("It fits", Tone.OK)
SHORT = Status("It does not fit", Tone.DANGER)
START_PASSED = Status("Its start has passed", Tone.DANGER, "clock")
OVERDUE = Status("Its answer is overdue", Tone.DANGER, "clock")
OBSERVED = Status("Observed only", Tone.QUIET, "eye")
STOPPED = Status("Plan stopped", Tone.ATTENTION, "hand-raised")
SNOOZED = Status("Snoozed", Tone.QUIET, "clock")
HELD = Status("Held by a freeze", Tone.QUIET, "pause-circle")
KILLED = Status("Kill switch is on", Tone.DANGER, "hand-raised")
