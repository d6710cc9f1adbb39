"""What is said of services that are registered, and of deployments that are planned for them."""

from portal.outbox.events import AT_ONCE, DIGEST, INFO, LOOK, ON, OVER, Event, Group, Kind

ONBOARDING: dict[Event, Kind] = {
    Event.SERVICE_REGISTERED: Kind(
        Group.ASKED,
        "A service was registered",
        "{service} of {team} was registered",
        "{by} registered {service} for {team}. Its owner is {owner}. {plan}",
        DIGEST,
        INFO,
    ),
    Event.SERVICE_OWNERS_NAMED: Kind(
        Group.HELD,
        "Others answer for a service",
        "{owner} answers for {service}",
        "{by} named {owner} as the owner of {service}, and {deputy} as the deputy.",
        AT_ONCE,
        INFO,
    ),
    Event.SERVICE_FACTS_CHANGED: Kind(
        Group.HELD,
        "What is known of a service changed",
        "{service}: {what} changed",
        "{by} changed what is known of {service}: {what}. What is granted stays as it is.",
        DIGEST,
        INFO,
    ),
    Event.MODEL_RETIRES: Kind(
        Group.HELD,
        "Azure retires a model that a deployment serves",
        "{model} retires",
        "Azure retires {model} {end_at}; {deployment} serves it. {why} From then on it answers "
        "nothing, or what Azure moves it to.",
        AT_ONCE,
        LOOK,
    ),
    Event.DEPLOYMENT_ARRIVED: Kind(
        Group.HELD,
        "A deployment that was planned is there",
        "{service} has {deployment}",
        "Azure shows {deployment}, as it was planned for {service}. {why}",
        AT_ONCE,
        ON,
    ),
    Event.DEPLOYMENT_NOT_AS_PLANNED: Kind(
        Group.HELD,
        "A deployment is there, but not as it was planned",
        "{deployment} is not what {service} planned",
        "Azure shows {deployment}, which was planned for {service}. {why} It belongs to no service "
        "until an owner of its pool maps it.",
        AT_ONCE,
        LOOK,
    ),
    Event.DEPLOYMENT_TAKEN: Kind(
        Group.HELD,
        "A deployment no longer belongs to a service",
        "{deployment} no longer belongs to {service}",
        "{by} took {deployment} from {service}. Its capacity in Azure stays, and what it used "
        "until then stays with {service}. Why: {why}",
        AT_ONCE,
        LOOK,
    ),
    Event.EXPECTATION_ENDED: Kind(
        Group.HELD,
        "Capacity for a deployment that nobody made went back",
        "What was held for {deployment} went back",
        "{deployment} was planned for {service}. {why}",
        AT_ONCE,
        OVER,
    ),
}
