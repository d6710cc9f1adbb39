"""What is said of each event: a title, a sentence, and how it is told by default.

Names in braces are the event's facts. A name that ends in `_at` is a time (ISO, aware) and is shown
in the reader's own zone; `{window}` is the span from `from_at` to `until_at`.
"""

from portal.outbox.events import (
    APPROVED,
    AT_ONCE,
    DENIED,
    DIGEST,
    INFO,
    OFF,
    ON,
    OVER,
    SOON,
    TO_DECIDE,
    TROUBLE,
    YOUR_TURN,
    Event,
    Group,
    Kind,
)
from portal.outbox.kinds_onboarding import ONBOARDING
from portal.outbox.kinds_operate import OPERATE
from portal.outbox.kinds_sandboxes import SANDBOXES

__all__ = ["KINDS", "Event", "Group", "Kind"]

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
    Event.REQUEST_DRAFTED: Kind(
        Group.ASKED,
        "Somebody drafted a request for you",
        "A draft for {service} waits for you",
        "{by} drafted a burst of {amount} of {deployment}. {why} It is yours alone: read it, then "
        "send or delete it.",
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
    Event.BURST_GAVE_UP: Kind(
        Group.HELD,
        "A burst never came up",
        "{service} never had its burst",
        "{amount} for {service}, {window}, were approved and never in Azure. The window is over, "
        "so Headroom has stopped trying. {why}",
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
    Event.GRANT_APPLIED: Kind(
        Group.HELD,
        "A lasting change is in Azure",
        "{service}: {what} is in Azure",
        "{service}: {what} is in Azure, which was read back with it.",
        DIGEST,
        ON,
    ),
    Event.GRANT_NOT_APPLIED: Kind(
        Group.HELD,
        "A lasting change is not in Azure although it should be",
        "{service}: {what} is not in Azure",
        "{service}: {what}, from {from_at} on, is approved but not in Azure. {why}",
        AT_ONCE,
        TROUBLE,
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
KINDS: dict[Event, Kind] = {
    **_DECIDE,
    **_ASKED,
    **_HELD,
    **ONBOARDING,
    **SANDBOXES,
    **OPERATE,
}
