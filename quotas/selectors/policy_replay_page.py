"""The replay of a draft for people: two counts, what would collide, and every request that another
answer would have met.
"""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from portal.kernel.shown import Shown
from quotas.domain.policy import Policy
from quotas.domain.policy_judge import Verdict
from quotas.domain.policy_replay import Compared
from quotas.domain.policy_rules import Outcome
from quotas.models import CapacityRequest
from quotas.selectors import statuses, words
from quotas.selectors.policy_replay import MOST_CASES, replayed

MOST_ROWS = 200


@dataclass(frozen=True)
class ReplayRow:
    """A request with another answer. `happened` is what became of it."""

    id: int
    url: str
    service: str
    asked: Shown
    sent: Shown
    before: str
    after: str
    why: str
    happened: str
    collides: bool


@dataclass(frozen=True)
class ReplayPage:
    total: int
    automatic: int
    was_automatic: int
    refused: int
    collisions: int
    changed: int
    rows: list[ReplayRow]
    is_cut: bool  # more requests were sent than are replayed

    @property
    def more(self) -> int:
        return self.changed - len(self.rows)

    @property
    def sentence(self) -> str:
        """ "Would have auto-approved 61 of 84, 0 collisions." """
        if not self.total:
            return "Nothing was asked in the last 90 days, so there is nothing to replay."
        noun = "collision" if self.collisions == 1 else "collisions"
        return (
            f"Would have auto-approved {self.automatic:,} of {self.total:,}, "
            f"{self.collisions:,} {noun}."
        )


def replay_page(policy: Policy, *, at: datetime) -> ReplayPage:
    """Newest first; those that collide before all others."""
    found = replayed(policy, at=at)
    collides = set(found.collisions)
    listed = [each for each in found.compared if each.differs or each.request_id in collides]
    listed.sort(key=lambda each: (each.request_id not in collides, -each.request_id))
    shown = listed[:MOST_ROWS]
    requests = _requests([each.request_id for each in shown])
    return ReplayPage(
        total=found.total,
        automatic=found.automatic,
        was_automatic=found.was_automatic,
        refused=sum(1 for each in found.compared if each.after.outcome == Outcome.DENY),
        collisions=len(found.collisions),
        changed=len(listed),
        rows=[_row(each, requests[each.request_id], collides, at=at) for each in shown],
        is_cut=found.total >= MOST_CASES,
    )


def _requests(ids: list[int]) -> dict[int, CapacityRequest]:
    rows = CapacityRequest.objects.filter(pk__in=ids)
    return {row.pk: row for row in rows.select_related("service", "deployment__account")}


def _row(
    each: Compared, request: CapacityRequest, collides: set[int], *, at: datetime
) -> ReplayRow:
    return ReplayRow(
        id=request.pk,
        url=reverse("request", args=[request.pk]),
        service=request.service.name,
        asked=words.amount(request.deployment, request.units),
        sent=words.moment(request.submitted_at, now=at),
        before=answer_of(each.before),
        after=answer_of(each.after),
        why="; ".join(clause.sentence.rstrip(".") for clause in _reasons(each)),
        happened=statuses.OF_REQUEST[CapacityRequest.State(request.state)].word,
        collides=request.pk in collides,
    )


def _reasons(each: Compared) -> tuple:  # type: ignore[type-arg]
    """Why it is not automatic, by the one or the other."""
    return each.after.failed or each.before.failed


def answer_of(verdict: Verdict) -> str:
    """ "at once", "refused", or who is asked."""
    if verdict.automatic:
        return "at once"
    if verdict.outcome == Outcome.DENY:
        return "refused"
    return ", then ".join(stage.name for stage in verdict.stages)
