"""Capacity writes: planned, under way, done, refused, and what Azure answered."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Case, Q, QuerySet, When
from django.urls import reverse

from portal.kernel.errors import CloudReason
from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tick, Ticks
from portal.models import User
from quotas.domain.plan import DRIFT, RELEASE, is_unwritable
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change, Deployment, Pool, Service
from quotas.selectors import statuses, words
from quotas.selectors.freezes import held_sentence
from quotas.selectors.kill_switch import with_holds

REFUSED = (ChangeState.BLOCKED, ChangeState.RETRY_WAIT)
TO_BE_SENT = (ChangeState.PLANNED, *REFUSED)
UNANSWERED = (CloudReason.TIMEOUT, CloudReason.UNKNOWN)


@dataclass(frozen=True)
class ChangeRow:
    """`why` is a list of (text, url); `answer` what Azure said, `next_try` when it is tried again.

    `may_…` are the buttons that this person has on a change that waits for a yes.
    """

    id: int
    deployment: str
    pool: str
    pool_id: int
    before: Shown
    after: Shown
    is_shrink: bool
    url: str
    why: list[tuple[str, str]]
    status: Status
    ticks: Ticks
    sentence: str
    answer: str
    next_try: Shown | None
    planned: Shown
    attempts: int
    may_write_back: bool
    may_adopt: bool
    is_release: bool  # provisioned capacity, which Azure does not promise a second time


def changes_visible_to(user: User) -> QuerySet[Change]:
    """Changes of deployments of one's own services, and of pools that one operates. `is_killed`:
    the kill switch is on.
    """
    rows = _changes()
    if user.reads_everything:
        return rows
    return rows.filter(
        Q(deployment__in=Deployment.objects.visible_to(user))
        | Q(plan__pool__in=Pool.objects.operated_by(user))
    )


def _changes() -> QuerySet[Change]:
    of = ("deployment__account", "deployment__pool", "plan__pool")
    return with_holds(Change.objects.select_related(*of))


def by_trouble() -> dict[str, Q]:
    """Of changes that did not get through: `refused`, as Azure said no to the write itself, and
    `hindered`, for whatever else: it could not be sent, or no answer came.
    """
    in_trouble = Q(state__in=REFUSED) & ~Q(error_reason="")
    answered = Q(attempts__gt=0) & ~Q(error_reason__in=UNANSWERED)
    return {"refused": in_trouble & answered, "hindered": in_trouble & ~answered}


def asks_now(at: datetime) -> Q:
    """Of changes: those that wait for a yes; not an edit that nobody is asked about yet."""
    return Q(state=ChangeState.NEEDS_HUMAN) & ~Q(snoozed_until__gt=at)


def change_rows(changes: Sequence[Change], user: User, *, at: datetime) -> list[ChangeRow]:
    """One query at most: where one waits for a yes, which pools this person operates."""
    waits = any(change.state == ChangeState.NEEDS_HUMAN for change in changes)
    operates = operates_pool(user) if waits else bool
    return [change_row(change, operates(change.plan.pool_id), at=at) for change in changes]


def operates_pool(user: User) -> Callable[[int], bool]:
    """Whether this person operates a pool, by its id."""
    if user.is_platform_owner:
        return lambda pool_id: True
    operated = set(Pool.objects.operated_by(user).values_list("pk", flat=True))
    return operated.__contains__


def change_row(change: Change, operates: bool, *, at: datetime) -> ChangeRow:
    waits = operates and change.state == ChangeState.NEEDS_HUMAN
    is_open = change.state in OPEN_CHANGE_STATES
    return ChangeRow(
        id=change.pk,
        deployment=str(change.deployment),
        pool=words.pool_name(change.plan.pool),
        pool_id=change.plan.pool_id,
        before=words.amount(change.deployment, change.from_units),
        after=words.amount(change.deployment, change.to_units),
        is_shrink=change.is_shrink,
        url=reverse("change", args=[change.pk]),
        why=_why(change),
        status=_status(change, at=at),
        ticks=_ticks(change),
        sentence=_sentence(change, at=at) if is_open or change.gave_up_at else "",
        answer=azure_answer(change),
        next_try=_next_try(change, at=at),
        planned=words.age(change.planned_at, now=at),
        attempts=change.attempts,
        may_write_back=waits and not is_unwritable(change.sentence),
        may_adopt=waits and change.sentence == DRIFT,
        is_release=change.sentence == RELEASE,
    )


def is_snoozed(change: Change, *, at: datetime) -> bool:
    until = change.snoozed_until
    return change.state == ChangeState.NEEDS_HUMAN and until is not None and until > at


def _sentence(change: Change, *, at: datetime) -> str:
    if is_snoozed(change, at=at):
        until = words.moment(change.snoozed_until, now=at)
        return f"Nobody is asked until {until}: {change.answer_reason.rstrip('.')}."
    if change.held_by and change.state in TO_BE_SENT:
        return held_sentence(change.held_by)
    return change.sentence


def azure_answer(change: Change) -> str:
    """Word for word: `InsufficientQuota: …`; empty where Azure said nothing."""
    return ": ".join(part for part in (change.azure_code, change.azure_message) if part)


def what_azure_said(change: Change, *, zone: tzinfo | None = None) -> str:
    """Our sentence, then Azure's own words. Of one given up, a refusal counts before a freeze.
    `zone` as `held_sentence` takes it.
    """
    answer, sentence = azure_answer(change), change.sentence
    if change.held_by and not (change.gave_up_at and change.error_reason):
        sentence = held_sentence(change.held_by, zone, is_over=change.gave_up_at is not None)
    return f"{sentence} Azure answered: {answer}" if answer else sentence


def _why(change: Change) -> list[tuple[str, str]]:
    found = [
        (
            f"#{each['request']} {'starts' if each['edge'] == 'start' else 'ends'}",
            reverse("request", args=[each["request"]]),
        )
        for each in change.because
        if "request" in each
    ]
    if found:
        return list(dict.fromkeys(found))  # a burst given back has two entries that end
    return [("edited outside Headroom" if change.sentence == DRIFT else "no request's edge", "")]


def _status(change: Change, *, at: datetime) -> Status:
    if is_snoozed(change, at=at):
        return statuses.SNOOZED
    if change.gave_up_at:
        return statuses.GAVE_UP
    if change.state == ChangeState.PLANNED and change.is_stopped:
        return statuses.STOPPED
    if change.held_by and change.state in TO_BE_SENT:
        return statuses.HELD
    if change.state == ChangeState.PLANNED and not applies(change):
        return statuses.OBSERVED
    if is_killed(change):
        return statuses.KILLED
    if change.state == ChangeState.NEEDS_HUMAN and is_unwritable(change.sentence):
        return statuses.UNWRITABLE
    return statuses.OF_CHANGE[ChangeState(change.state)]


def applies(change: Change) -> bool:
    """Its pool writes, and did when it was planned."""
    return change.plan.mode == Pool.Mode.APPLY and change.plan.pool.applies


def is_killed(change: Change) -> bool:
    """The kill switch keeps it from being sent."""
    return change.is_killed and change.state in TO_BE_SENT


def _ticks(change: Change) -> Ticks:
    """A change that waits for a yes is not approved; a refused one is not applied."""
    if change.state == ChangeState.NEEDS_HUMAN or change.is_stopped:
        return Ticks(Tick.WAITING, Tick.HELD, Tick.WAITING)
    if change.verified_at:
        return Ticks(Tick.DONE, Tick.DONE, Tick.DONE)
    if change.state == ChangeState.VERIFYING:
        return Ticks(Tick.DONE, Tick.DONE, Tick.WAITING)
    if not applies(change) or is_killed(change) or change.held_by:
        return Ticks(Tick.DONE, Tick.HELD, Tick.WAITING)
    return Ticks(Tick.DONE, Tick.FAILED if change.error_reason else Tick.WAITING, Tick.WAITING)


def _next_try(change: Change, *, at: datetime) -> Shown | None:
    """When a change that Azure refused is sent again; once due, it is the next run that does. None
    where nothing is tried: a freeze, the kill switch, the pool or the plan keeps it.
    """
    is_kept = change.held_by or is_killed(change) or change.is_stopped or not applies(change)
    if change.state not in REFUSED or is_kept:
        return None
    due = change.not_before <= at
    return Shown("within 30 s") if due else words.age(change.not_before, now=at)


def changes_of_sandbox(
    service: Service, user: User, *, at: datetime, most: int = 10
) -> list[ChangeRow]:
    """The newest changes that grants of this sandbox had a part in. The deployment is shared, so of
    the grants of others nothing is said. The service must come from `visible_to(user)`.
    """
    own = set(service.requests.order_by("-pk").values_list("pk", flat=True)[:most])
    explained = Q(pk__in=[])
    for pk in own:
        explained |= Q(because__contains=[{"request": pk}])
    kept = _changes().filter(explained).exclude(state=ChangeState.SUPERSEDED)
    found = list(kept.order_by("-planned_at", "-pk")[:most])
    for change in found:
        change.because = [each for each in change.because if each.get("request") in own]
    return change_rows(found, user, at=at)


def changes_of(
    deployments: Collection[int], user: User, *, beside: Q, others: Collection[int], most: int = 10
) -> list[Any]:
    """The newest changes of some deployments, replaced ones left out: they are `is_listed`. Those
    `beside` them, of these and `others`, are read with the same query.
    """
    rows = changes_visible_to(user).filter(deployment__in=deployments)
    kept = rows.exclude(state=ChangeState.SUPERSEDED).order_by("-planned_at", "-pk")
    listed = Q(pk__in=kept.values("pk")[:most])
    # The deployments once more: else the table would be read from its beginning to its end.
    found = _changes().filter(listed | beside, deployment__in={*deployments, *others})
    told = found.annotate(is_listed=Case(When(listed, then=True), default=False))
    return list(told.order_by("-planned_at", "-pk"))
