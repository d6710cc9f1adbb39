"""What is said of sandboxes, to the person whose they are."""

from portal.outbox.events import AT_ONCE, DIGEST, OVER, YOUR_TURN, Event, Group, Kind

SANDBOXES = {
    Event.SANDBOX_ENDING: Kind(
        Group.HELD,
        "Your sandbox ends soon",
        "Your sandbox of {model} ends {until_at}",
        "{amount} of {model} go back {until_at}. Keep them for 30 more days with one click, or let "
        "them go.",
        AT_ONCE,
        YOUR_TURN,
    ),
    Event.SANDBOX_ENDED: Kind(
        Group.HELD,
        "Your sandbox is over",
        "Your sandbox of {model} is over",
        "{amount} of {model} went back {until_at}. You can claim another; for a lasting need "
        "register a service.",
        DIGEST,
        OVER,
    ),
}
