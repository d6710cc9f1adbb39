"""The closed list of events that people are told of, and what a kind of event has."""

from dataclasses import dataclass
from enum import StrEnum
from string import Formatter

from portal.kernel.status import Status, Tone
from portal.models import MailMode


class Event(StrEnum):
    REQUEST_SUBMITTED = "request.submitted"
    REQUEST_REMINDER = "request.reminder"
    REQUEST_ESCALATED = "request.escalated"
    REQUEST_LATE = "request.late"
    REQUEST_ANSWERED = "request.answered"
    REQUEST_APPROVED = "request.approved"
    REQUEST_DENIED = "request.denied"
    REQUEST_ASKED = "request.asked"
    REQUEST_COUNTER_OFFERED = "request.counter_offered"
    REQUEST_EDITED = "request.edited"
    REQUEST_WITHDRAWN = "request.withdrawn"
    REQUEST_TIMED_OUT = "request.timed_out"
    REQUEST_DRAFTED = "request.drafted"
    BURST_STARTING = "burst.starting"
    BURST_APPLIED = "burst.applied"
    BURST_NOT_APPLIED = "burst.not_applied"
    BURST_GAVE_UP = "burst.gave_up"
    BURST_ENDING_SOON = "burst.ending_soon"
    BURST_ENDED = "burst.ended"
    BURST_REPORT = "burst.report"
    GRANT_APPLIED = "grant.applied"
    GRANT_NOT_APPLIED = "grant.not_applied"
    GRANT_GIVEN_BACK = "grant.given_back"
    GRANT_REVOKED = "grant.revoked"
    GRANT_TRANSFERRED = "grant.transferred"
    GRANT_AT_RISK = "grant.at_risk"
    GRANT_SAFE_AGAIN = "grant.safe_again"
    SERVICE_OWNERS_NAMED = "service.owners_named"
    SERVICE_FACTS_CHANGED = "service.facts_changed"
    SANDBOX_ENDING = "sandbox.ending"
    SANDBOX_ENDED = "sandbox.ended"
    DELEGATION_GIVEN = "delegation.given"
    POOL_LIMIT_CHANGED = "pool.limit_changed"
    SERVICE_REGISTERED = "service.registered"
    DEPLOYMENT_ARRIVED = "deployment.arrived"
    DEPLOYMENT_NOT_AS_PLANNED = "deployment.not_as_planned"
    EXPECTATION_ENDED = "expectation.ended"
    DEPLOYMENT_UNMAPPED = "deployment.unmapped"
    DEPLOYMENT_TAKEN = "deployment.taken"
    DRIFT_FOUND = "drift.found"
    DEPLOYMENT_CHANGED = "deployment.changed"
    GATEWAY_WAITS = "gateway.waits"
    MODEL_RETIRES = "model.retires"
    CHANGE_NEEDS_YES = "change.needs_yes"
    CHANGE_UNWRITABLE = "change.unwritable"
    CHANGE_BLOCKED = "change.blocked"
    CHANGE_STUCK = "change.stuck"
    END_LATE = "end.late"
    EDGE_IN_DOUBT = "edge.in_doubt"
    EDGE_CLEAR = "edge.clear"
    PLAN_STOPPED = "plan.stopped"
    KILL_SWITCH_ON = "kill_switch.on"
    KILL_SWITCH_OFF = "kill_switch.off"
    POLICY_PUBLISHED = "policy.published"


class Group(StrEnum):
    """The headings of the page on which people choose what comes by mail."""

    DECIDE = "To decide"
    ASKED = "What you asked for"
    HELD = "Capacity you hold"
    OPERATE = "Pools you operate"


@dataclass(frozen=True)
class Kind:
    """`label` names the kind among a person's choices; `mail` is the default there."""

    group: Group
    label: str
    title: str
    sentence: str
    mail: MailMode
    status: Status

    @property
    def needs(self) -> frozenset[str]:
        """The names of facts without which it cannot be said."""
        texts = (self.title, self.sentence)
        return frozenset(name for t in texts for _, name, _, _ in Formatter().parse(t) if name)


AT_ONCE, DIGEST, OFF = MailMode.AT_ONCE, MailMode.DIGEST, MailMode.OFF
TO_DECIDE = Status("To decide", Tone.ATTENTION, "hand-raised")
APPROVED, DENIED = Status("Approved", Tone.OK), Status("Denied", Tone.DANGER)
YOUR_TURN = Status("Your turn", Tone.ATTENTION, "hand-raised")
INFO, OVER = Status("News", Tone.INFO), Status("Over", Tone.QUIET)
ON, SOON = Status("On", Tone.OK, "bolt"), Status("Soon", Tone.INFO, "clock")
LOOK = Status("Look at it", Tone.ATTENTION)
TROUBLE = Status("Trouble", Tone.DANGER)
