"""A sandbox is claimed, kept for longer, given up, and ends by time.

Each is one transaction. What is granted goes the way of every request: judged by the policy (which
may refuse), checked at every instant under the lock of the pool, written into the ledger. The row
of the sandbox is locked before the pool, so two clicks at once are one after the other.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.text import slugify

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import DAY, floor_to_minute
from portal.models import User
from portal.outbox import Event, tell
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Sandbox, Service, Team
from quotas.selectors import words
from quotas.selectors.sandboxes import teams_of
from quotas.services.asking import Draft
from quotas.services.granting import held_at_end
from quotas.services.refusals import refuse
from quotas.services.requests import submit
from quotas.services.reversing import reverse_each
from quotas.services.sandbox_rules import (
    KEPT_FROM,
    check_place,
    check_size,
    longest_end,
    most_units,
    strictest_residency,
)

Kind = CapacityRequest.Kind
TOLD_BEFORE = 7 * DAY


@transaction.atomic
def claim(
    deployment: Deployment,
    *,
    purpose: str,
    by: User,
    at: datetime,
    team: Team | None = None,
    units: int | None = None,
) -> Sandbox:
    """A sandbox on the deployment for `by`, from this minute on, for 30 days. `team` pays; it may
    be left out by who is in one only. Without `units`, as many as a sandbox may have.

    Raises DomainError: no team, not open, barred by residency or policy, too much, one is there
    already, or it does not fit. Then nothing is written.
    """
    paying = team_of(by, team)
    amount = most_units() if units is None else units
    check_size(deployment, amount)
    if not purpose.strip():
        raise refuse("purpose_missing", "Say what you want to try out.")
    check_place(deployment, paying)
    _end_overdue_of(by, at=at)
    sandbox = _row(deployment, paying, amount, purpose, by, at=at)
    _ask(sandbox, amount, by=by, at=at)
    audit.record(
        "sandbox.claimed",
        f"sandbox/{sandbox.pk}",
        actor_id=by.pk,
        at=at,
        service=sandbox.service_id,
        units=amount,
    )
    return sandbox


def team_of(by: User, team: Team | None) -> Team:
    """Who pays. Raises DomainError: of another team, or of several and none was named."""
    own = list(teams_of(by))
    if not own:
        raise refuse(
            "no_team",
            "You are in no team yet, and a team pays for what a sandbox uses. Ask a platform owner "
            "to add you to one.",
        )
    if team is None and len(own) > 1:
        raise refuse("team_missing", "You are in several teams. Choose which of them pays.")
    chosen = own[0] if team is None else team
    if chosen not in own:
        raise refuse("not_yours", "Choose a team that you are in.")
    return chosen


def _row(
    deployment: Deployment, team: Team, units: int, purpose: str, by: User, *, at: datetime
) -> Sandbox:
    """With its service. Constraints make it one for each person and pool, whoever else claims at
    this moment.
    """
    try:
        with transaction.atomic():
            return Sandbox.objects.create(
                person=by,
                pool=deployment.pool,  # type: ignore[misc]  # `check_place` saw one
                deployment=deployment,
                service=_service(deployment, team, purpose, by),
                units=units,
                starts_at=floor_to_minute(at),
                ends_at=longest_end(at),
            )
    except IntegrityError:
        raise refuse(
            "sandbox_there",
            "You have a sandbox of this pool already. Keep that one for longer, or give it up.",
        ) from None


def _service(deployment: Deployment, team: Team, purpose: str, by: User) -> Service:
    """One person may have several of a pool, one after the other: their names end in a number."""
    who, model = slugify(by.get_username())[:20], slugify(deployment.model_name)[:16]
    begin = f"sandbox-{who}-{model}-{deployment.pool_id}-"
    return Service.objects.create(
        team=team,
        name=f"Sandbox of {by.display_name}: {deployment.model_name}"[:80],
        slug=f"{begin}{Service.objects.filter(slug__startswith=begin).count() + 1}",
        owner=by,
        environment=Service.Environment.DEVELOPMENT,
        tier=Service.Tier.EXPERIMENT,
        purpose=purpose.strip(),
        user_population="One person",
        if_throttled="Nothing: it is an experiment.",
        data_residency=strictest_residency(team),
    )


def _ask(
    sandbox: Sandbox, units: int, *, by: User, at: datetime, parent: CapacityRequest | None = None
) -> CapacityRequest:
    """From now, or from its end on where it goes on. Raises DomainError where it is not granted."""
    return submit(
        Draft(
            service=sandbox.service,
            deployment=sandbox.deployment,
            units=units,
            starts_at=sandbox.ends_at if parent else at,
            ends_at=longest_end(at),
            purpose=sandbox.service.purpose,
            kind=Kind.SANDBOX,
            parent=parent,
        ),
        by=by,
        at=at,
    )


@transaction.atomic
def renew(sandbox: Sandbox, *, by: User, at: datetime) -> Sandbox:
    """Keeps it until 30 days from now: contiguous, nothing drops in between. By its person alone.

    Raises DomainError: somebody else's, over, too early, nothing left of it, or it does not fit.
    """
    found = _locked(sandbox, at=at)
    if found.person_id != by.pk:
        raise refuse("not_yours", "Only the person whose sandbox it is keeps it for longer.")
    if at < found.ends_at - KEPT_FROM:
        raise refuse(
            "too_early",
            f"It lasts until {found.ends_at:%a %d %b}; from {found.ends_at - KEPT_FROM:%a %d %b} "
            "on you can keep it for longer.",
        )
    parent = _requests(found).order_by("-ends_at", "-pk").first()
    units = held_at_end(parent) if parent else 0
    if units <= 0:
        raise refuse("nothing_left", "Nothing of it is left at its end. Claim a new one then.")
    _ask(found, units, by=by, at=at, parent=parent)
    found.ends_at = longest_end(at)
    found.save(update_fields=["ends_at"])
    audit.record("sandbox.renewed", f"sandbox/{found.pk}", actor_id=by.pk, at=at)
    return found


@transaction.atomic
def give_up(sandbox: Sandbox, *, by: User, at: datetime) -> Sandbox:
    """Ends it this minute; what it held is free at once. By its person, or who operates the pool.

    Raises DomainError for anybody else's, or one that is over.
    """
    found = _locked(sandbox, at=at)
    operates = Pool.objects.operated_by(by).filter(pk=found.pool_id)
    if found.person_id != by.pk and not operates.exists():
        raise refuse("not_yours", "Only its person, or an owner of the pool, ends a sandbox.")
    rows = LedgerEntry.objects.filter(service=found.service, kind=LedgerEntry.Kind.BURST)
    reverse_each(rows, reason="Given up.", by_id=by.pk, at=at)
    _close(found, by=by, at=at)
    return found


def _locked(sandbox: Sandbox, *, at: datetime) -> Sandbox:
    rows = Sandbox.objects.select_for_update(of=("self",), no_key=True)
    joined = rows.select_related("service__owner", "deployment__account", "pool")
    found: Sandbox = joined.get(pk=sandbox.pk)
    if found.ended_at is not None or found.ends_at <= at:
        raise refuse("sandbox_over", "This sandbox is over. Claim a new one.")
    return found


def _requests(sandbox: Sandbox) -> QuerySet[CapacityRequest]:
    found: QuerySet[CapacityRequest] = CapacityRequest.objects.filter(
        service=sandbox.service, kind=Kind.SANDBOX
    )
    return found


def end_overdue(*, at: datetime) -> int:
    """Closes what is over by time; its units went back by the ledger itself. Returns how many."""
    return sum(_end_by_time(row, at=at) for row in _overdue(at))


def _overdue(at: datetime) -> QuerySet[Sandbox]:
    rows: QuerySet[Sandbox] = Sandbox.objects.live().filter(ends_at__lte=at)
    return rows.select_related("service", "deployment", "person")


def _end_overdue_of(person: User, *, at: datetime) -> None:
    """So that nobody waits for the next minute to claim the same again."""
    for row in _overdue(at).filter(person=person):
        _end_by_time(row, at=at)


@transaction.atomic
def _end_by_time(sandbox: Sandbox, *, at: datetime) -> bool:
    try:
        _close(sandbox, by=None, at=at)
    except ChangedMeanwhile:
        return False
    return True


def _close(sandbox: Sandbox, *, by: User | None, at: datetime) -> None:
    """By compare-and-swap. Its service is retired: its past stays in showback under its name."""
    live = Sandbox.objects.live().filter(pk=sandbox.pk, ends_at=sandbox.ends_at)
    if not live.update(ended_at=at):
        raise ChangedMeanwhile("The sandbox")
    sandbox.ended_at = at
    Service.objects.filter(pk=sandbox.service_id).update(lifecycle=Service.Lifecycle.RETIRED)
    audit.record("sandbox.ended", f"sandbox/{sandbox.pk}", actor_id=by.pk if by else None, at=at)
    _tell(Event.SANDBOX_ENDED, sandbox, at=at)


def tell_ending(*, at: datetime) -> int:
    """Reminds people a week before; once for each end. Returns how many were told."""
    rows = Sandbox.objects.live().filter(ends_at__gt=at, ends_at__lte=at + TOLD_BEFORE)
    found = rows.select_related("service", "deployment", "person")
    return sum(_tell(Event.SANDBOX_ENDING, row, at=at) for row in found)


def _tell(event: Event, sandbox: Sandbox, *, at: datetime) -> bool:
    notice = tell(
        event,
        [sandbox.person],
        subject=f"sandbox/{sandbox.pk}",
        url=reverse("sandboxes"),
        at=at,
        occurrence=sandbox.ends_at.isoformat(),
        model=sandbox.deployment.model_name,
        amount=words.amount(sandbox.deployment, sandbox.units),
        until_at=sandbox.ended_at or sandbox.ends_at,
    )
    return notice is not None


@transaction.atomic
def set_open(deployment: Deployment, *, is_open: bool, by: User, at: datetime) -> Deployment:
    """Opens a deployment for sandboxes, or closes it once none is left on it. By a platform owner,
    or an owner of its pool.

    Raises DomainError: a service's own, provisioned, unknown pool, or sandboxes still on it.
    """
    pool = deployment.pool
    may = by.is_platform_owner or (pool is not None and pool.owners.filter(pk=by.pk).exists())
    if not may:
        raise refuse("not_yours", "Only an owner of the pool opens a deployment for sandboxes.")
    if is_open:
        if refused := _why_not_open(deployment):
            raise refused
    elif count := deployment.sandboxes.live().count():
        raise refuse(
            "sandboxes_there",
            f"{count} sandbox{'es are' if count > 1 else ' is'} on {deployment}; the last ends "
            f"{deployment.sandboxes.live().latest('ends_at').ends_at:%a %d %b}. End them first.",
        )
    rows = Deployment.objects.filter(pk=deployment.pk, takes_sandboxes=not is_open)
    if rows.filter(service__isnull=True).update(takes_sandboxes=is_open):
        verb = "deployment.opened" if is_open else "deployment.closed"
        audit.record(f"{verb}_for_sandboxes", f"deployment/{deployment.pk}", actor_id=by.pk, at=at)
    deployment.takes_sandboxes = is_open
    return deployment


def _why_not_open(deployment: Deployment) -> DomainError | None:
    pool = deployment.pool
    if deployment.service_id is not None:
        return refuse("mapped", f"{deployment} is {deployment.service}'s own. Choose another.")
    if deployment.gone_at or pool is None or pool.kind != pool.Kind.TOKENS:
        return refuse(
            "not_for_sandboxes",
            f"{deployment} cannot take sandboxes: only deployments that are paid by the token, and "
            "whose quota pool is known, can. Provisioned capacity costs by the hour.",
        )
    return None
