"""Changing what is known of a service: its tier, its purpose, where its data may be, and the rest
that registering asks. Who answers for it is named apart (`quotas.services.owners`).

What is granted stays as it is. Raising the tier moves a service before others, so it takes a
platform owner who does not ask for it; narrowing where its data may be is refused where it already
has something that would then be barred.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import User
from portal.outbox import Event, tell
from quotas.models import FactsChange, Service
from quotas.selectors.facts import (
    FACTS,
    WEIGHTY,
    facts_of,
    may_raise_tier,
    names_of,
    seen,
)
from quotas.selectors.onboarding import may_name_owners
from quotas.selectors.people import owners_of, platform_owners
from quotas.selectors.residency import REACH_OF, barred_already
from quotas.services.locks import lock_service
from quotas.services.onboarding import WANTED, check_reach
from quotas.services.refusals import refuse

Facts = Mapping[str, str | int]


@transaction.atomic
def change_facts(
    service: Service, wanted: Facts, *, as_seen: str, by: User, at: datetime
) -> Service:
    """`wanted`: by field (`FACTS`), those that are to be so; the others stay. `as_seen`: of
    `selectors.facts.seen`, when whoever changes them read them. The same facts write nothing.

    Raises DomainError with a sentence for whatever cannot be, ChangedMeanwhile where the facts are
    others than were seen. Then nothing is written.
    """
    row = lock_service(service)
    if not may_name_owners(row, by):
        raise not_yours_to_change(row)
    before = facts_of(row)
    changed = {name: value for name, value in _clean(wanted).items() if value != before[name]}
    if not changed:
        return row
    if as_seen != seen(row):
        raise ChangedMeanwhile(str(row))
    for name, value in changed.items():
        setattr(row, name, value)
    _check(row, changed, before, by=by)
    row.save(update_fields=list(changed))
    was = {name: before[name] for name in changed}
    kept = FactsChange.objects.create(
        service=row, changed_by=by, changed_at=at, before=was, after=changed
    )
    audit.record(
        "service.facts_changed",
        f"service/{row.pk}",
        actor_id=by.pk,
        at=at,
        change=kept.pk,
        facts=list(changed),
        before=_without_words(was),
        after=_without_words(changed),
    )
    _tell(row, changed, by=by, at=at)
    return row


def _without_words(facts: Facts) -> dict[str, str | int]:
    """People's own words are no part of the audit: it names the row that has them."""
    return {name: value for name, value in facts.items() if name in WEIGHTY}


def _clean(wanted: Facts) -> dict[str, str | int]:
    stripped = {k: v.strip() if isinstance(v, str) else v for k, v in wanted.items()}
    return {name: stripped[name] for name in FACTS if name in stripped}


def _check(row: Service, changed: Facts, before: Facts, *, by: User) -> None:
    """`row` as it would be. What stays as it was is not asked for again."""
    for name in changed:
        if name in WANTED and not changed[name]:
            raise refuse(f"{name}_missing", WANTED[name])
    if row.tier < int(before["tier"]) and not may_raise_tier(row, by):
        raise _tier_is_not_yours(row, by)
    if "data_class" in changed or ("data_residency" in changed and row.data_class):
        check_reach(row.data_class, row.data_residency)
    if "data_residency" in changed and _is_narrower(row.data_residency, before["data_residency"]):
        _check_what_it_has(row)


def _is_narrower(now: str, before: object) -> bool:
    return REACH_OF[Service.Residency(now)] < REACH_OF[Service.Residency(str(before))]


def _check_what_it_has(row: Service) -> None:
    barred = barred_already(row)
    if not barred:
        return
    deployment, why = barred[0]
    others = f" So are {len(barred) - 1} others." if len(barred) > 1 else ""
    raise refuse(
        "residency_of_held",
        f"{deployment}, which it has, would be barred: {why}.{others} Give back or delete what "
        "lies outside, or leave where its data may be processed. Nothing was written.",
    )


def _tier_is_not_yours(row: Service, by: User) -> DomainError:
    who = "another platform owner" if by.is_platform_owner else "a platform owner"
    return refuse(
        "tier_not_yours",
        f"Raising the tier of {row} moves it before others, so nobody does it for their own: ask "
        f"{who}. Nothing was written.",
    )


def not_yours_to_change(service: Service) -> DomainError:
    return refuse(
        "not_yours",
        f"Only a lead of {service.team}, the owner or deputy of the service, or a platform owner, "
        "changes its facts; a sandbox stays what it is.",
    )


def _tell(row: Service, changed: Facts, *, by: User, at: datetime) -> None:
    """Who answers for it; of what approvers go by, the platform owners too."""
    people = owners_of(row) | (platform_owners() if WEIGHTY & changed.keys() else set())
    tell(
        Event.SERVICE_FACTS_CHANGED,
        people - {by.pk},
        subject=f"service/{row.pk}",
        url=row.get_absolute_url(),
        at=at,
        occurrence=at.isoformat(),
        by=by.display_name,
        service=row.name,
        what=names_of(changed),
    )
