"""What is said to those who operate pools: limits, drift, changes, plans, the policy."""

from portal.outbox.events import AT_ONCE, DIGEST, LOOK, ON, TO_DECIDE, TROUBLE, Event, Group, Kind

OPERATE = {
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
    Event.DEPLOYMENT_CHANGED: Kind(
        Group.OPERATE,
        "A deployment was deleted, renamed or upgraded in Azure",
        "{deployment} is not what it was",
        "{what} It is fed by {pool}. Say whether it stays so.",
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
    Event.END_LATE: Kind(
        Group.OPERATE,
        "What has ended is still in Azure",
        "{deployment} still has what ended",
        "{deployment} has {actual} and should have {wanted} since {since_at}. {why}",
        AT_ONCE,
        TROUBLE,
    ),
    Event.EDGE_IN_DOUBT: Kind(
        Group.OPERATE,
        "Something would stop a start or an end that is about to come",
        "{deployment}: the {what} {edge_at} may not come through",
        "{deployment} is to go from {before} to {after} {edge_at}. {why}",
        AT_ONCE,
        TROUBLE,
    ),
    Event.EDGE_CLEAR: Kind(
        Group.OPERATE,
        "What would have stopped a start or an end is gone",
        "{deployment}: nothing stands in the way of the {what} {edge_at} any more",
        "{deployment} goes from {before} to {after} {edge_at}: what stood in the way is gone.",
        AT_ONCE,
        ON,
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
