"""Whether something can be asked at all: who asks, for which deployment, when, how much.

Every refusal is a sentence with what to do instead. What the policy says of it comes later.
"""

from datetime import datetime

from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER, Window, floor_to_minute
from portal.models import User
from quotas.domain.policy import Policy
from quotas.domain.terms import Terms, raises_risk
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors.amounts import step_of_request
from quotas.selectors.people import gone_because
from quotas.services.asking import Draft, Kind, terms_of
from quotas.services.evidence import first_start
from quotas.services.granting import granted_until, held_at_end
from quotas.services.model_rules import why_not_askable
from quotas.services.refusals import (
    breaks_residency,
    in_people_units,
    is_gone,
    not_yours,
    refuse,
)
from quotas.services.reversing import steady_units
from quotas.services.sandbox_rules import check_sandbox

BOUNDED = (Kind.BURST, Kind.EXTENSION)


def check_draft(
    draft: Draft,
    rules: Policy,
    *,
    by: User,
    at: datetime,
    edited: CapacityRequest | None = None,
) -> Terms:
    """The terms that are really asked for, instead of those of `edited` where one is. Raises
    DomainError for the first thing that is wrong.
    """
    if draft.kind == Kind.SANDBOX:
        return check_sandbox(draft, by=by, at=at)
    check_may_ask(draft, by, at=at)
    if not draft.purpose.strip():
        raise refuse("purpose_missing", "Say what it is for; the approver reads it.")
    terms = terms_asked(draft, rules, by=by, at=at, edited=edited)
    check_pool(draft)
    if draft.kind == Kind.BURST and draft.occasion not in CapacityRequest.Occasion.values:
        raise refuse("occasion_unknown", "Choose one of the listed occasions.")
    return terms


def terms_asked(
    draft: Draft,
    rules: Policy,
    *,
    by: User,
    at: datetime,
    edited: CapacityRequest | None = None,
) -> Terms:
    """`check_draft` without who asks and what for: the part that a verdict is given on while
    somebody types.
    """
    if draft.kind not in (Kind.BURST, Kind.BASELINE, Kind.EXTENSION, Kind.TRANSFER):
        raise refuse("kind_unknown", "Ask for a burst, a baseline, an extension or a transfer.")
    if edited is None:
        check_model(draft, at=at)
    terms = _terms(draft, rules, edited, by=by, at=at)
    if edited is not None and raises_risk(terms_of(edited), terms):
        check_model(draft, at=at)
    return terms


def _terms(
    draft: Draft, rules: Policy, edited: CapacityRequest | None, *, by: User, at: datetime
) -> Terms:
    if draft.kind == Kind.EXTENSION:
        return _check_extension(draft, rules, edited, at=at)
    terms = Terms(draft.units, check_window(draft, rules, at))
    check_amount(draft)
    if draft.kind == Kind.TRANSFER:
        _check_transfer(draft, terms, by)
    if draft.kind == Kind.BASELINE and draft.units < 0:
        _check_keeps_enough(draft.deployment, terms.window, -draft.units)
    return terms


def check_may_ask(draft: Draft, by: User, *, at: datetime) -> None:
    """By those who may ask for the service, on a deployment of its own that a pool feeds."""
    is_first = draft.kind == Kind.BASELINE and draft.deployment.is_expected
    if not (is_first and _for_its_owner(draft, by)):
        check_may_request(by, draft.service)
    _check_deployment(draft.deployment, draft.service, is_first=is_first)
    check_owner(draft.service, at=at)
    if draft.on_behalf_of is not None and (gone := is_gone(draft.on_behalf_of, at=at)):
        raise gone


def check_may_request(by: User, service: Service) -> None:
    """Raises DomainError unless this person may ask for the service."""
    if not Service.objects.may_request(by).filter(pk=service.pk).exists():
        raise not_yours(service)


def check_owner(service: Service, *, at: datetime) -> None:
    """Every grant is somebody's: the owner's, or the deputy's where the owner is gone. Raises
    DomainError where neither is there.
    """
    owner, deputy = service.owner, service.deputy
    if owner.is_gone(at) and (deputy is None or deputy.is_gone(at)):
        raise refuse(
            "no_owner",
            f"{gone_because(owner)}, and {service} has no deputy who is there. Name another owner "
            "first, then ask again.",
        )


def _for_its_owner(draft: Draft, by: User) -> bool:
    """A platform owner who registers a service asks for its first baseline for the owner."""
    return by.is_platform_owner and draft.on_behalf_of == draft.service.owner


def _check_deployment(deployment: Deployment, service: Service, *, is_first: bool = False) -> None:
    """`is_first`: a first baseline, which may be of a deployment that Azure does not show yet."""
    if deployment.service_id != service.pk or (deployment.gone_at and not is_first):
        raise refuse(
            "wrong_deployment", f"{service} does not use the deployment {deployment.name}."
        )
    if deployment.pool is None or not deployment.pool.is_allocatable:
        raise refuse(
            "no_pool",
            f"No quota pool is known to feed {deployment}, so nothing can be granted on it.",
        )
    if barred := breaks_residency(service, deployment):
        raise barred


def check_window(draft: Draft, rules: Policy, at: datetime) -> Window:
    """The window asked for, in whole minutes; "now" is this minute. Raises DomainError."""
    this_minute = floor_to_minute(at)
    starts_at = this_minute if draft.starts_now else floor_to_minute(draft.starts_at)
    if draft.ends_at is None and draft.kind in BOUNDED:
        raise refuse("no_end", "Say when it ends. For a lasting need, ask for a higher baseline.")
    if draft.ends_at is not None and draft.kind == Kind.BASELINE:
        raise refuse("has_an_end", "A baseline has no end. For a bounded need, ask for a burst.")
    ends_at = floor_to_minute(draft.ends_at) if draft.ends_at else FOREVER
    if ends_at <= starts_at:
        raise refuse("ends_before_start", "The end must be after the start.")
    if ends_at <= at:
        raise refuse("in_the_past", "The window is over already. Choose an end in the future.")
    if starts_at < this_minute:
        raise refuse(
            "start_in_the_past", "The start has passed. Choose a later start, or “start now”."
        )
    window = Window(starts_at, ends_at)
    if draft.kind == Kind.BURST:
        check_length(window, rules)
    return window


def check_model(draft: Draft, *, at: datetime) -> None:
    """Raises DomainError for more of a model that is deprecated. Less of it may always be asked;
    what is asked already may be lowered, or told in other words.
    """
    asks_more = draft.kind != Kind.BASELINE or draft.units > 0
    grows = draft.to_deployment if draft.kind == Kind.TRANSFER else draft.deployment
    if asks_more and grows is not None and (barred := why_not_askable(grows, at=at)):
        raise barred


def check_length(window: Window, rules: Policy) -> None:
    """Raises DomainError for more than the policy's longest burst."""
    if window.hours > rules.longest_hours:
        raise refuse(
            "too_long",
            f"A burst may last {rules.longest_hours // 24} days at most; this one lasts "
            f"{window.hours / 24:.1f}. For a lasting need, ask for a higher baseline.",
        )


def check_amount(draft: Draft) -> None:
    """Raises DomainError for nothing, and for what a model cannot give."""
    deployment = draft.deployment
    may_be_less = draft.kind == Kind.BASELINE
    if draft.units == 0 or (draft.units < 0 and not may_be_less):
        raise refuse("nothing_asked", "Ask for more than nothing.")
    check_step(deployment, draft.units)
    if draft.kind == Kind.BURST:
        check_release(draft)


def check_pool(draft: Draft) -> None:
    """Raises DomainError for more than the whole pool. A verdict says of that, as of anything that
    does not fit, what there is instead.
    """
    deployment, pool = draft.deployment, draft.deployment.pool
    limit = pool.limits.first() if pool else None
    if limit and abs(draft.units) > limit.limit_units:
        raise refuse(
            "absurd_amount",
            f"The whole pool has {in_people_units(deployment, limit.limit_units)}; "
            f"{in_people_units(deployment, abs(draft.units))} were asked for.",
        )


def check_step(deployment: Deployment, units: int) -> None:
    """Raises DomainError where a provisioned model does not come in such an amount, with the two
    next to it; more and less alike, the amount may be below nought.
    """
    step, asked = step_of_request(deployment), abs(units)
    nearest = step.nearest(asked)
    if not deployment.is_provisioned or asked in nearest:
        return
    least = f"{step.minimum:,} at least, and " if step.minimum != step.step else ""
    raise refuse(
        "wrong_step",
        f"Provisioned units of {deployment.model_name} come in {least}steps of {step.step:,}, so "
        f"{asked:,} cannot be: choose {' or '.join(f'{units:,}' for units in nearest)}.",
    )


def check_release(draft: Draft) -> None:
    """A provisioned burst carries the yes for its own end."""
    if draft.deployment.is_provisioned and not draft.accepts_provisioned_release:
        raise refuse(
            "release_not_agreed",
            "At its end a provisioned burst is given back, and Azure does not promise the capacity "
            "a second time. Tick that you agree.",
        )


def _check_extension(
    draft: Draft, rules: Policy, edited: CapacityRequest | None, *, at: datetime
) -> Terms:
    """From the minute at which the grant ends, with as much as it holds then."""
    parent = draft.parent
    if parent is None or parent.service_id != draft.service.pk:
        raise refuse("no_grant", "Say which approved request of this service is to last longer.")
    start, units = granted_until(parent), held_at_end(parent)
    if parent.kind not in BOUNDED or start is None or start <= at or units <= 0:
        raise refuse(
            "nothing_to_extend",
            f"Request #{parent.pk} holds nothing that could last longer. Ask for a new burst.",
        )
    ongoing = parent.children.filter(kind=Kind.EXTENSION)
    if edited is not None:
        ongoing = ongoing.exclude(pk=edited.pk)
    if other := ongoing.exclude(state__in=["denied", "withdrawn", "timed_out", "draft"]).first():
        raise refuse(
            "already_extended",
            f"Request #{other.pk} asks for longer already. Change that one, or extend it in turn.",
        )
    end = floor_to_minute(draft.ends_at) if draft.ends_at else start
    if end <= start:
        raise refuse("ends_before_start", f"It lasts until {start:%a %d %b %H:%M} UTC anyway.")
    check_length(Window(first_start(parent), end), rules)
    check_release(draft)
    return Terms(units, Window(start, end))


def _check_transfer(draft: Draft, terms: Terms, by: User) -> None:
    to = draft.to_deployment
    if to is None or to.service is None or to.pk == draft.deployment.pk:
        raise refuse("no_target", "Say which other deployment of your services it is to go to.")
    check_may_request(by, to.service)
    _check_deployment(to, to.service)
    if to.pool_id != draft.deployment.pool_id:
        raise refuse(
            "other_pool",
            f"{draft.deployment} and {to} are fed by different quota pools, so capacity cannot "
            "move between them. Ask for a smaller and a larger baseline instead.",
        )
    check_step(to, draft.units)
    _check_keeps_enough(draft.deployment, terms.window, draft.units)


def _check_keeps_enough(deployment: Deployment, window: Window, units: int) -> None:
    """What is left of the baseline is at least what the model needs, at every instant."""
    held, least = steady_units(deployment, window), deployment.minimum_units or 1
    if held - units < least:
        most = max(0, held - least)
        raise refuse(
            "too_little_left",
            f"{deployment} holds {in_people_units(deployment, held)} as its baseline and needs "
            f"{in_people_units(deployment, least)} to exist, so at most "
            f"{in_people_units(deployment, most)} can go.",
        )


def check_asker(request: CapacityRequest, by: User) -> None:
    """Raises DomainError unless this person asked, or it was asked on their behalf."""
    if by.pk not in request.askers:
        raise DomainError("Only the person who asked may do this.", code="not_yours")
