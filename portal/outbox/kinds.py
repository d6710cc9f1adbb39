"""The closed list of events that people are told of: a title, a sentence, and how by default.

Names in braces are the event's facts. A name that ends in `_at` is a time (ISO, aware) and is shown
in the reader's own zone; `{window}` is the span from `from_at` to `until_at`.
"""

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
    BURST_STARTING = "burst.starting"
    BURST_APPLIED = "burst.applied"
    BURST_NOT_APPLIED = "burst.not_applied"
    BURST_ENDING_SOON = "burst.ending_soon"
    BURST_ENDED = "burst.ended"
    BURST_REPORT = "burst.report"
    GRANT_GIVEN_BACK = "grant.given_back"
    GRANT_REVOKED = "grant.revoked"
    GRANT_TRANSFERRED = "grant.transferred"
    GRANT_AT_RISK = "grant.at_risk"
    GRANT_SAFE_AGAIN = "grant.safe_again"
    DELEGATION_GIVEN = "delegation.given"
    POOL_LIMIT_CHANGED = "pool.limit_changed"
    DEPLOYMENT_UNMAPPED = "deployment.unmapped"
    DRIFT_FOUND = "drift.found"
    CHANGE_NEEDS_YES = "change.needs_yes"
    CHANGE_BLOCKED = "change.blocked"
    CHANGE_STUCK = "change.stuck"
    PLAN_STOPPED = "plan.stopped"
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

_DECIDE = {
    Event.REQUEST_SUBMITTED: Kind(
        Group.DECIDE,
        "Somebody asks for capacity",
        "{service} asks for {amount}",
        "{by} asks for {amount} for {service}, {window}. Answer by {due_at}; then it times out.",
        AT_ONCE,
        TO_DECIDE,
    ),
    Event.REQUEST_REMINDER: Kind(
        Group.DECIDE,
        "A request still waits for you",
        "{service} still waits for an answer",
        "{amount} for {service}, {window}, wait for your answer until {due_at}.",
        AT_ONCE,
        TO_DECIDE,
    ),
    Event.REQUEST_ESCALATED: Kind(
        Group.DECIDE,
        "A request comes to you because nobody answered",
        "Nobody answered {service}",
        "{amount} for {service}, {window}: those asked first gave no answer, so it comes to you. "
        "It times out {due_at}.",
        AT_ONCE,
        TO_DECIDE,
    ),
    Event.REQUEST_LATE: Kind(
        Group.DECIDE,
        "A request has passed its start without an answer",
        "{service} waits past its start",
        "{amount} for {service}, {window}: the start has passed and nobody has answered. What is "
        "approved now begins now. It times out {due_at}.",
        AT_ONCE,
        TROUBLE,
    ),
    Event.REQUEST_ANSWERED: Kind(
        Group.DECIDE,
        "Your question, or your offer, was answered",
        "{service} has answered",
        "{by} answers on {amount} for {service}, {window}: {answer}",
        AT_ONCE,
        TO_DECIDE,
    ),
    Event.REQUEST_EDITED: Kind(
        Group.DECIDE,
        "A request was changed after you decided",
        "{service} changed its request",
        "{by} changed the request to {amount}, {window}. It needs a decision again.",
        AT_ONCE,
        TO_DECIDE,
    ),
    Event.REQUEST_WITHDRAWN: Kind(
        Group.DECIDE,
        "A request that you could decide was withdrawn",
        "{service} withdrew its request",
        "{by} no longer asks for {amount}, {window}. Nothing is left to decide.",
        OFF,
        OVER,
    ),
    Event.DELEGATION_GIVEN: Kind(
        Group.DECIDE,
        "Somebody lets you decide for them",
        "You decide for {by}",
        "{by} lets you decide on requests for {pool}, {window}.",
        AT_ONCE,
        YOUR_TURN,
    ),
}
_ASKED = {
    Event.REQUEST_APPROVED: Kind(
        Group.ASKED,
        "Approved",
        "{service} gets {amount}",
        "Approved by {by}: {amount} for {service}, {window}. {note}",
        AT_ONCE,
        APPROVED,
    ),
    Event.REQUEST_DENIED: Kind(
        Group.ASKED,
        "Denied",
        "{service} does not get {amount}",
        "Denied by {by}: {amount} for {service}, {window}. {note}",
        AT_ONCE,
        DENIED,
    ),
    Event.REQUEST_ASKED: Kind(
        Group.ASKED,
        "Somebody has a question",
        "A question on {service}",
        "{by} asks about {amount} for {service}, {window}: {note}",
        AT_ONCE,
        YOUR_TURN,
    ),
    Event.REQUEST_COUNTER_OFFERED: Kind(
        Group.ASKED,
        "Another amount or window is offered",
        "{service} is offered {amount}",
        "{by} offers {amount} for {service}, {window}. Accept or decline by {due_at}. {note}",
        AT_ONCE,
        YOUR_TURN,
    ),
    Event.REQUEST_TIMED_OUT: Kind(
        Group.ASKED,
        "Nobody answered in time",
        "No answer on {service}",
        "{amount} for {service}, {window}: nobody answered in time, so the request has ended. "
        "Nothing was granted; you can ask again.",
        AT_ONCE,
        DENIED,
    ),
}
_HELD = {
    Event.BURST_STARTING: Kind(
        Group.HELD,
        "A burst is about to start",
        "{service}: the burst starts {from_at}",
        "{amount} for {service}, {window}: Azure is being asked for it now.",
        OFF,
        SOON,
    ),
    Event.BURST_APPLIED: Kind(
        Group.HELD,
        "A burst is up",
        "{service} has {amount} more",
        "{amount} for {service} are there until {until_at}: Azure was read back and has them.",
        DIGEST,
        ON,
    ),
    Event.BURST_NOT_APPLIED: Kind(
        Group.HELD,
        "A burst is not up although it should be",
        "{service} does not have its burst",
        "{amount} for {service}, {window}, are approved but not in Azure. {why}",
        AT_ONCE,
        TROUBLE,
    ),
    Event.BURST_ENDING_SOON: Kind(
        Group.HELD,
        "A burst ends soon",
        "{service}: the burst ends {until_at}",
        "{amount} for {service} go back {until_at}. If you still need them, ask for longer now.",
        OFF,
        SOON,
    ),
    Event.BURST_ENDED: Kind(
        Group.HELD,
        "A burst is over",
        "{service}: the burst is over",
        "{amount} for {service}, {window}, went back: Azure was read back without them.",
        DIGEST,
        OVER,
    ),
    Event.BURST_REPORT: Kind(
        Group.HELD,
        "How a burst was used",
        "{service}: how the burst was used",
        "{amount} for {service}, {window}: {used}",
        DIGEST,
        INFO,
    ),
    Event.GRANT_GIVEN_BACK: Kind(
        Group.HELD,
        "Capacity was given back early",
        "{service} gives {amount} back",
        "{by} gave {amount} of {service} back from {from_at} on. {note}",
        DIGEST,
        OVER,
    ),
    Event.GRANT_REVOKED: Kind(
        Group.HELD,
        "Capacity was taken back from you",
        "{service} loses {amount}",
        "{by} takes {amount} of {service} back from {from_at} on. {note}",
        AT_ONCE,
        TROUBLE,
    ),
    Event.GRANT_TRANSFERRED: Kind(
        Group.HELD,
        "Capacity moved between services",
        "{amount} move from {service} to {to}",
        "{by} moves {amount} from {service} to {to}, {window}.",
        DIGEST,
        INFO,
    ),
    Event.GRANT_AT_RISK: Kind(
        Group.HELD,
        "A grant no longer fits the limit of its pool",
        "{service}: {amount} are at risk",
        "{why} {amount} of {service} no longer fit, {window}. The owners of the pool are told too; "
        "ask them what to do.",
        AT_ONCE,
        TROUBLE,
    ),
    Event.GRANT_SAFE_AGAIN: Kind(
        Group.HELD,
        "A grant that was at risk fits again",
        "{service} is no longer at risk",
        "{why} What {service} was granted fits again, {window}.",
        DIGEST,
        ON,
    ),
}
_OPERATE = {
    Event.POOL_LIMIT_CHANGED: Kind(
        Group.OPERATE,
        "The room of a pool changed in Azure",
        "{pool} has {now} now",
        "{why} {risk}",
        AT_ONCE,
        LOOK,
    ),
    Event.DEPLOYMENT_UNMAPPED: Kind(
        Group.OPERATE,
        "Deployments are nobody’s yet",
        "{deployments} belong to no service",
        "Seen in Azure for the first time: {names}. Say whose they are; until then their use is "
        "nobody’s.",
        DIGEST,
        LOOK,
    ),
    Event.DRIFT_FOUND: Kind(
        Group.OPERATE,
        "A deployment was edited outside Headroom",
        "{deployment} was edited in Azure",
        "{deployment} has {actual} in Azure, and {wanted} by the ledger. Keep that, or write the "
        "ledger’s back.",
        AT_ONCE,
        LOOK,
    ),
    Event.CHANGE_NEEDS_YES: Kind(
        Group.OPERATE,
        "A change waits for your yes",
        "{deployment} waits for a yes",
        "{deployment} goes from {actual} to {wanted} once somebody agrees. {why}",
        AT_ONCE,
        TO_DECIDE,
    ),
    Event.CHANGE_BLOCKED: Kind(
        Group.OPERATE,
        "Azure refuses a change",
        "Azure refuses a change of {deployment}",
        "{deployment} stays at {actual} instead of {wanted}. {why} It is tried again by itself.",
        AT_ONCE,
        TROUBLE,
    ),
    Event.CHANGE_STUCK: Kind(
        Group.OPERATE,
        "A change does not come to its end",
        "{deployment} is not yet where it should be",
        "{deployment} has {actual} and should have {wanted} since {since_at}. {why}",
        AT_ONCE,
        TROUBLE,
    ),
    Event.PLAN_STOPPED: Kind(
        Group.OPERATE,
        "A large plan stopped and asks",
        "A plan of {pool} stopped",
        "{why} Nothing is written for {pool} until somebody agrees.",
        AT_ONCE,
        TO_DECIDE,
    ),
    Event.POLICY_PUBLISHED: Kind(
        Group.OPERATE,
        "A new version of the policy is in force",
        "Version {number} of the policy is in force",
        "{by} published what {writers} wrote. {note} It judges what is asked from now on.",
        AT_ONCE,
        LOOK,
    ),
}
KINDS: dict[Event, Kind] = {**_DECIDE, **_ASKED, **_HELD, **_OPERATE}
