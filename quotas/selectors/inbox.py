"""The approval inbox: what this person may decide, most urgent first, decidable on the card."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.db.models import QuerySet

from portal.kernel.shown import Shown
from portal.kernel.slices import Slice, slice_of
from portal.kernel.status import Status
from portal.models import User
from quotas.domain.policy_words import RuleWords
from quotas.domain.urgency import Urgency
from quotas.models import CapacityRequest, Evidence
from quotas.selectors import statuses, words
from quotas.selectors.amounts import step_of_request
from quotas.selectors.cards import Grounds, grounds, names_of_others
from quotas.selectors.policy import Policies, low_risk_words
from quotas.selectors.stage_words import approvals_of, stage_line
from quotas.selectors.urgency import in_order, queue_of

MOST_CARDS = 10  # on a page: each has all that is known of its request

OFFERED_KINDS = (CapacityRequest.Kind.BURST, CapacityRequest.Kind.BASELINE)


@dataclass(frozen=True)
class InboxCard:
    """Everything on the card. `is_late`: the start has passed, or of what is asked from now on
    (`is_at_once`) the answer is overdue; approved now, either begins now.

    `largest` is what fits over the whole window where not all does; None where all does, or
    nothing. `stands_in_for` names whose place this person takes, "" for their own.
    """

    id: int
    url: str
    service: str
    service_slug: str
    team: str
    deployment: str
    asked: Shown
    window: Shown
    length: Shown
    starts: Shown
    asked_ago: Shown
    is_at_once: bool
    is_late: bool
    answer_by: Shown
    occasion: str
    purpose: str
    requester: str
    on_behalf_of: str
    observe_only: bool
    release_agreed: bool
    is_provisioned: bool
    grounds: Grounds | None
    stage: str
    approvals: list[str]
    stands_in_for: str
    largest: Shown | None
    may_be_offered: bool
    content_hash: str

    @property
    def low_risk(self) -> bool:
        return bool(self.grounds and self.grounds.low_risk)

    @property
    def picked(self) -> str:
        """What a tick on the card sends: the request, and its content as it is shown here."""
        return f"{self.id}:{self.content_hash}"

    @property
    def status(self) -> Status:
        """Of a late one: an alarm."""
        return statuses.OVERDUE if self.is_at_once else statuses.START_PASSED


@dataclass(frozen=True)
class _Around:
    """What all cards of an inbox share, each read with one query."""

    evidence: dict[int, Evidence]
    names: dict[int, str]
    policies: Policies
    approvals: dict[int, list[str]]
    stands_in_for: dict[int, str]
    urgency: dict[int, Urgency]


@dataclass(frozen=True)
class Inbox:
    """`cards` are one page; `total` and `late` count everything. `low_risk` is what the policy in
    force calls so, in sentences.
    """

    cards: list[InboxCard]
    total: int
    late: int
    place: Slice
    low_risk: RuleWords

    @property
    def together(self) -> int:
        """How many of the cards may be approved together; nought where there is only one."""
        found = sum(1 for card in self.cards if card.low_risk)
        return found if found > 1 else 0

    @property
    def first(self) -> InboxCard | None:
        """The most urgent one; None on later pages, which do not begin with it."""
        return self.cards[0] if self.cards and not self.place.previous_url else None


def inbox(user: User, params: Mapping[str, str] = MappingProxyType({}), *, at: datetime) -> Inbox:
    """What is late first, then by what comes first: the end of the review, or when the answer is
    due.
    """
    queue = queue_of(CapacityRequest.objects.decidable_by(user, at=at), at=at)
    place = slice_of(params, queue.total, size=MOST_CARDS, in_whole=False)
    shown = queue.ids[place.start : place.stop]
    found = in_order(with_people(CapacityRequest.objects.all()).in_bulk(shown), shown)
    around = _around(found, user, urgency=queue.urgency, at=at)
    cards = [_card(row, around, at=at) for row in found]
    return Inbox(cards, queue.total, queue.late, place, low_risk_words(around.policies.newest))


def _around(
    requests: list[CapacityRequest], user: User, *, urgency: dict[int, Urgency], at: datetime
) -> _Around:
    evidence = _newest_evidence(requests)
    return _Around(
        evidence=evidence,
        names=names_of_others(user, (row.facts for row in evidence.values())),
        policies=Policies(),
        approvals=approvals_of(requests),
        stands_in_for=_stands_in_for(requests, user, at=at),
        urgency=urgency,
    )


def _stands_in_for(requests: list[CapacityRequest], user: User, *, at: datetime) -> dict[int, str]:
    """By request id, the name of whose place this person takes; absent where they answer for
    themselves. No query for those to whom nobody ever delegated.
    """
    delegations = list(user.delegations_at(at).order_by("-effective_from", "-pk"))
    if not delegations:
        return {}
    rows = CapacityRequest.objects.filter(pk__in=[request.pk for request in requests])
    found: dict[int, str] = {}
    for each in delegations:
        theirs = rows if each.pool_id is None else rows.filter(deployment__pool=each.pool_id)
        named = theirs.naming_at_open_stage(each.from_person).values_list("pk", flat=True)
        found |= dict.fromkeys(named, each.from_person.display_name)
    for pk in rows.naming_at_open_stage(user).values_list("pk", flat=True):
        found.pop(pk, None)
    return found


def inbox_count(user: User, *, at: datetime) -> int:
    """How many requests wait for this person."""
    return int(CapacityRequest.objects.decidable_by(user, at=at).count())


def with_people(rows):  # type: ignore[no-untyped-def]
    return rows.select_related(
        "service__team",
        "service__owner",
        "deployment__pool",
        "deployment__account",
        "requester",
        "on_behalf_of",
    )


def to_decide(rows: QuerySet[CapacityRequest]) -> QuerySet[CapacityRequest]:
    """With what a decision reads, and no more: PostgreSQL plans the joins of `with_people` for as
    long as it takes to answer all else that a decision asks.
    """
    return rows.select_related("service__owner", "deployment__pool", "deployment__account")


def inbox_card(request: CapacityRequest, user: User, *, at: datetime) -> InboxCard:
    """One card again, after an answer that was refused."""
    urgency = queue_of(CapacityRequest.objects.filter(pk=request.pk), at=at).urgency
    return _card(request, _around([request], user, urgency=urgency, at=at), at=at)


def _newest_evidence(requests: list[CapacityRequest]) -> dict[int, Evidence]:
    rows = Evidence.objects.filter(request__in=requests)
    newest = rows.order_by("request_id", "-computed_at", "-id").distinct("request_id")
    return {row.request_id: row for row in newest}


def _card(request: CapacityRequest, around: _Around, *, at: datetime) -> InboxCard:
    deployment, service = request.deployment, request.service
    evidence = around.evidence.get(request.pk)
    urgency = around.urgency[request.pk]
    return InboxCard(
        id=request.pk,
        url=request.get_absolute_url(),
        service=service.name,
        service_slug=service.slug,
        team=service.team.name,
        deployment=str(deployment),
        asked=words.on_top(deployment, request.units),
        window=words.span(request.starts_at, request.window.end, now=at),
        length=words.length(request.window),
        starts=words.age(request.starts_at, now=at),
        asked_ago=words.age(request.submitted_at, now=at),
        is_at_once=urgency.is_at_once,
        is_late=urgency.is_late(at),
        answer_by=words.moment(request.deadline_at, now=at),
        occasion=words.occasion(request),
        purpose=request.purpose,
        requester=request.requester.display_name,
        on_behalf_of=request.on_behalf_of.display_name if request.on_behalf_of else "",
        observe_only=not (deployment.pool and deployment.pool.applies),
        is_provisioned=deployment.is_provisioned,
        release_agreed=request.accepts_provisioned_release,
        grounds=_grounds(request, evidence, around, at=at) if evidence else None,
        stage=stage_line(request),
        approvals=around.approvals.get(request.pk, []),
        stands_in_for=around.stands_in_for.get(request.pk, ""),
        largest=_largest(request, evidence),
        may_be_offered=request.kind in OFFERED_KINDS,
        content_hash=request.content_hash,
    )


def _grounds(
    request: CapacityRequest, evidence: Evidence, around: _Around, *, at: datetime
) -> Grounds:
    return grounds(
        evidence.facts,
        service=request.service,
        deployment=request.deployment,
        asked_units=request.units,
        names=around.names,
        policy=around.policies.of(request.policy_version),
        computed_at=evidence.computed_at,
        now=at,
    )


def _largest(request: CapacityRequest, evidence: Evidence | None) -> Shown | None:
    """As the evidence knew it; the answer itself looks again."""
    found = evidence.facts["fit"] if evidence else {"asked_units": 0, "largest_units": 0}
    if found["asked_units"] <= found["largest_units"]:
        return None
    units = step_of_request(request.deployment).at_most(found["largest_units"])
    return words.amount(request.deployment, units) if units else None
