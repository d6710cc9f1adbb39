"""The policy in force: the newest published version; the built-in default is published as version
1.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from portal import audit
from quotas.domain.policy import DEFAULT, Policy, stored
from quotas.models import PolicyVersion


def current(*, at: datetime) -> tuple[int, Policy]:
    """(number, rules). The first call of an installation publishes the default."""
    version = PolicyVersion.objects.first() or publish(DEFAULT, by_id=None, at=at)
    return version.number, stored(version.limits)


@transaction.atomic
def publish(policy: Policy, *, by_id: int | None, at: datetime) -> PolicyVersion:
    number = (PolicyVersion.objects.aggregate(n=Max("number"))["n"] or 0) + 1
    version, created = PolicyVersion.objects.get_or_create(
        number=number,
        defaults={"limits": policy.as_json(), "published_at": at, "published_by_id": by_id},
    )
    if created:
        audit.record("policy.published", f"policy/{number}", actor_id=by_id, at=at)
    return version
