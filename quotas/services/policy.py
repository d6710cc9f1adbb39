"""The policy in force: the newest published version. The built-in default is published as the
first.
"""

from datetime import datetime

from django.db import transaction

from portal import audit
from quotas.domain.policy import DEFAULT, Policy
from quotas.models import PolicyVersion


def current(*, at: datetime) -> tuple[int, Policy]:
    """(number, rules). The first call of an installation publishes the default."""
    version = newest() or _publish_default(at=at)
    assert version.number is not None  # noqa: S101  it is published
    return version.number, version.policy


def current_number(*, at: datetime) -> int:
    """Of the policy in force, without reading its rules."""
    numbers = PolicyVersion.objects.exclude(number=None).values_list("number", flat=True)
    number = numbers.first() or _publish_default(at=at).number
    assert number is not None  # noqa: S101  it is published
    return number


def newest() -> PolicyVersion | None:
    return PolicyVersion.objects.exclude(number=None).first()


@transaction.atomic
def _publish_default(*, at: datetime) -> PolicyVersion:
    """By the portal itself; two that come here at once publish one."""
    version, created = PolicyVersion.objects.get_or_create(
        number=1, defaults={"content": DEFAULT.as_json(), "published_at": at}
    )
    if created:
        audit.record("policy.published", "policy/1", actor_id=None, at=at)
    return version
