"""Sentences for what cannot be granted: what there is instead."""

from datetime import datetime

from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.availability import Fit
from quotas.models import Deployment, Service
from quotas.selectors.people import gone_because
from quotas.selectors.residency import place_of, why_not_there


def refuse(code: str, sentence: str) -> DomainError:
    return DomainError(sentence, code=code)


def is_gone(person: User, *, at: datetime) -> DomainError | None:
    """None for somebody who can be chosen: who is there to answer."""
    if not person.is_gone(at):
        return None
    return refuse("not_active", f"{gone_because(person)}; choose somebody else.")


def not_yours(service: Service) -> DomainError:
    return refuse(
        "not_yours",
        "Only a lead of the team, or the owner or deputy of the service, may ask for a burst. "
        f"{service} belongs to {service.team}.",
    )


def breaks_residency(service: Service, deployment: Deployment) -> DomainError | None:
    """None where the service's data may be processed by the deployment."""
    reason = why_not_there(service, place_of(deployment), but=deployment)
    if not reason:
        return None
    return refuse(
        "residency",
        f"{deployment} is barred for {service}: {reason}. Choose a deployment within its "
        "residency, or delete in Azure what lies outside of it. Nothing was written.",
    )


def in_people_units(deployment: Deployment, units: int) -> str:
    """ "120,000 tokens per minute (120 units)", or "15 PTU"."""
    if deployment.is_provisioned:
        return f"{units:,} PTU"
    tokens = deployment.rate.tokens(units)
    return f"{units:,} units" if tokens is None else f"{tokens:,} tokens per minute"


def does_not_fit(deployment: Deployment, found: Fit) -> DomainError:
    """Names the largest amount over the whole window, and the longest window for the amount."""
    asked = in_people_units(deployment, found.asked_units)
    parts = [
        f"{asked} do not fit: the pool is fullest at {found.tightest_at:%a %d %b %H:%M} UTC.",
        f"{in_people_units(deployment, found.largest_units)} would fit over the whole window."
        if found.largest_units
        else "Nothing is free over the whole window.",
    ]
    if found.longest:
        parts.append(f"All of it would fit until {found.longest.end:%a %d %b %H:%M} UTC.")
    return DomainError(" ".join([*parts, "Nothing was written."]), code="pool_exhausted")


def policy_refuses(reason: str, version: int) -> DomainError:
    return refuse(
        "policy_refuses",
        f"The policy (version {version}) refuses this: {reason.rstrip('.')}. Nothing was sent.",
    )
