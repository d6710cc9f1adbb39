"""What is known of a service that its people may change: which facts, as of when, and who may."""

import json
from collections.abc import Collection
from hashlib import sha256

from portal.models import User
from quotas.models import Service
from quotas.selectors.onboarding import may_name_owners

FACTS = (
    "environment",
    "tier",
    "purpose",
    "user_population",
    "if_throttled",
    "proof_metric",
    "data_class",
    "data_residency",
)
NAMES = {
    "environment": "environment",
    "tier": "tier",
    "purpose": "purpose",
    "user_population": "people it serves",
    "if_throttled": "if throttled",
    "proof_metric": "proof metric",
    "data_class": "class of its data",
    "data_residency": "where its data may be processed",
}
# What approvers and the policy go by, and what bounds where its capacity may be.
WEIGHTY = frozenset({"environment", "tier", "data_class", "data_residency"})


def facts_of(service: Service) -> dict[str, str | int]:
    """By field; "" where nobody has said."""
    return {name: getattr(service, name) for name in FACTS}


def seen(service: Service) -> str:
    """What stands for the facts as they are now: other facts, another word."""
    text = json.dumps(facts_of(service), sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def names_of(fields: Collection[str]) -> str:
    """ "tier, purpose and proof metric", in the order of the form."""
    named = [NAMES[name] for name in FACTS if name in fields]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def may_raise_tier(service: Service, user: User) -> bool:
    """A platform owner who does not ask for it: nobody moves what is their own forward."""
    return may_name_owners(service, user) and not (
        Service.objects.may_request(user).filter(pk=service.pk).exists()
    )


def who_changed(service: Service) -> str:
    """Who changed its facts last; "Somebody else" where that is not known."""
    last = service.facts_changes.select_related("changed_by").first()
    return str(last.changed_by.display_name) if last else "Somebody else"
