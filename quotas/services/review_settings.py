"""Who stands in where nobody answers, and when the approvers of a pool are there. Audited."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from portal import audit
from portal.models import User
from quotas.models import Pool, ReviewHours
from quotas.selectors.review_hours import Reviews
from quotas.services.refusals import is_gone, refuse

MOST_HOURS = 240  # thirty days of eight hours; a review never stays open as long


@transaction.atomic
def set_reviews(
    pool: Pool, reviews: Reviews, *, fallback: Iterable[User], by: User, at: datetime
) -> ReviewHours:
    """By an owner of the pool. Raises DomainError for hours that never come, an escalation before
    the reminder, or somebody who is gone; then nothing is written.
    """
    if not Pool.objects.operated_by(by).filter(pk=pool.pk).exists():
        raise refuse("not_yours", "Only an owner of the pool sets who decides, and when.")
    _check(reviews)
    people = list(fallback)
    for person in people:
        if gone := is_gone(person, at=at):
            raise gone
    hours = reviews.hours
    row, _ = ReviewHours.objects.update_or_create(
        pool=pool,
        defaults={
            "time_zone": str(hours.zone),
            "weekdays": sorted(hours.weekdays),
            "opens": hours.opens,
            "closes": hours.closes,
            "holidays": sorted(day.isoformat() for day in hours.holidays),
            "remind_after_hours": reviews.remind_after_hours,
            "escalate_after_hours": reviews.escalate_after_hours,
        },
    )
    pool.fallback_approvers.set(people)
    audit.record(
        "pool.reviews_set",
        f"pool/{pool.pk}",
        actor_id=by.pk,
        at=at,
        fallback=sorted(person.pk for person in people),
        remind_after_hours=reviews.remind_after_hours,
        escalate_after_hours=reviews.escalate_after_hours,
    )
    return row


def _check(reviews: Reviews) -> None:
    if not reviews.hours.weekdays:
        raise refuse("no_weekday", "Choose at least one day on which somebody is there.")
    if reviews.hours.opens >= reviews.hours.closes:
        raise refuse("closes_before_it_opens", "A day must close after it opens.")
    if not 0 < reviews.remind_after_hours <= MOST_HOURS:
        raise refuse("reminder_unclear", f"Remind after 1 to {MOST_HOURS} business hours.")
    if not reviews.remind_after_hours <= reviews.escalate_after_hours <= MOST_HOURS:
        raise refuse(
            "escalation_unclear",
            f"Ask the fallback approvers no sooner than the reminder, and within {MOST_HOURS} "
            "business hours.",
        )
