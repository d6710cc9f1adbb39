"""The page of changes: its list by what became of them, and the plans that stopped and ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import QueryDict

from portal.kernel.shown import Shown
from portal.models import User
from quotas.domain.plan import content_hash
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change, Plan, Pool
from quotas.selectors import words
from quotas.selectors.changes import (
    ChangeRow,
    asks_now,
    by_trouble,
    change_rows,
    changes_visible_to,
    operates_pool,
)
from quotas.selectors.paging import page
from quotas.selectors.stuck import UNWRITABLE

VIEWS = ("open", "done", "all")
PAGE_SIZE = 12  # a row may have a form of two answers


@dataclass(frozen=True)
class StoppedPlan:
    """An oversized plan that waits for a yes; `content` is what the yes is bound to."""

    id: int
    pool: str
    pool_id: int
    sentence: str
    changes: int
    content: str
    made: Shown
    may_allow: bool


@dataclass(frozen=True)
class ChangeList:
    rows: list[ChangeRow]
    stopped: list[StoppedPlan]
    counts: dict[str, int]
    view: str
    newer_url: str
    older_url: str

    @property
    def is_first_of_open(self) -> bool:
        """The page on which ends that could not be planned stand as well."""
        return self.view == "open" and not self.newer_url


def change_list(user: User, params: QueryDict, *, at: datetime) -> ChangeList:
    """`view=open` (what is not settled) unless asked for `done` or `all`."""
    asked = params.get("view") or "open"
    view = asked if asked in VIEWS else "open"
    rows = changes_visible_to(user)
    found = page(in_view(rows, view), params, size=PAGE_SIZE)
    return ChangeList(
        rows=change_rows(found.rows, user, at=at),
        stopped=stopped_plans(Pool.objects.visible_to(user), user, at=at),
        counts=_counts(rows, at=at),
        view=view,
        newer_url=found.newer_url,
        older_url=found.older_url,
    )


def in_view(rows: QuerySet[Change], view: str) -> QuerySet[Change]:
    """`view` is one of `VIEWS`."""
    if view == "open":
        return rows.filter(state__in=sorted(OPEN_CHANGE_STATES))
    return rows.filter(state=ChangeState.SUCCEEDED) if view == "done" else rows


def _counts(rows: QuerySet[Change], *, at: datetime) -> dict[str, int]:
    """Of everything this person sees: open, waiting for a yes by now, such that no yes would help,
    refused by Azure or not through for another reason.
    """
    trouble = {name: Count("pk", filter=which) for name, which in by_trouble().items()}
    return rows.order_by().aggregate(
        open=Count("pk", filter=Q(state__in=sorted(OPEN_CHANGE_STATES))),
        waiting=Count("pk", filter=asks_now(at) & ~UNWRITABLE),
        unwritable=Count("pk", filter=asks_now(at) & UNWRITABLE),
        planned=Count("pk", filter=Q(state=ChangeState.PLANNED)),
        **trouble,
    )


def stopped_plans(pools: Any, user: User, *, at: datetime) -> list[StoppedPlan]:
    """Those of the pools that have changes left. Two queries; one more where there is any."""
    left = Change.objects.filter(state__in=sorted(OPEN_CHANGE_STATES))
    rows = (
        Plan.objects.filter(pool__in=pools)
        .exclude(stopped_because="")
        .select_related("pool")
        .prefetch_related(Prefetch("changes", queryset=left, to_attr="left"))
    )
    found = [plan for plan in rows if plan.left]
    operates = operates_pool(user) if found else bool
    return [
        StoppedPlan(
            id=plan.pk,
            pool=words.pool_name(plan.pool),
            pool_id=plan.pool_id,
            sentence=plan.stopped_because,
            changes=len(plan.left),
            content=content_of(plan.left),
            made=words.age(plan.made_at, now=at),
            may_allow=operates(plan.pool_id),
        )
        for plan in found
    ]


def content_of(changes: Iterable[Change]) -> str:
    """What a yes to a plan is bound to: its open changes, each with from and to."""
    return content_hash((c.deployment_id, c.from_units, c.to_units) for c in changes)
