"""The approval inbox: what this person may decide, most urgent first, decidable on the card."""

from dataclasses import dataclass
from datetime import datetime

from portal.kernel.shown import Shown
from portal.kernel.status import Status
from portal.models import User
from quotas.domain.policy import Policy
from quotas.models import CapacityRequest, Evidence
from quotas.selectors import statuses, words
from quotas.selectors.cards import Grounds, grounds, names_of_others
from quotas.selectors.policy import policy_in_force

MOST_CARDS = 30  # more than anybody decides in one sitting; the rest follow as these are answered


@dataclass(frozen=True)
class InboxCard:
    """Everything on the card. `is_late`: the start has passed; approving now clips it to now."""

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

    @property
    def status(self) -> Status:
        """Of a late one: an alarm."""
        return statuses.START_PASSED


@dataclass(frozen=True)
class Inbox:
    cards: list[InboxCard]
    total: int

    @property
    def late(self) -> int:
        return sum(1 for card in self.cards if card.is_late)

    @property
    def more(self) -> int:
        return self.total - len(self.cards)


def inbox(user: User, *, at: datetime) -> Inbox:
    """By start, earliest first: one that has passed its start is at the top."""
    rows = CapacityRequest.objects.decidable_by(user, at=at)
    found = list(with_people(rows).order_by("starts_at", "pk")[:MOST_CARDS])
    newest = _newest_evidence(found)
    names = names_of_others(user, (row.facts for row in newest.values()))
    policy = policy_in_force()
    cards = [_card(row, newest.get(row.pk), names, policy, at=at) for row in found]
    return Inbox(cards, rows.count() if len(found) == MOST_CARDS else len(found))


def with_people(rows):  # type: ignore[no-untyped-def]
    return rows.select_related(
        "service__team", "deployment__pool", "deployment__account", "requester", "on_behalf_of"
    )


def inbox_card(request: CapacityRequest, user: User, *, at: datetime) -> InboxCard:
    """One card again, after an answer that was refused."""
    evidence = _newest_evidence([request]).get(request.pk)
    names = names_of_others(user, [evidence.facts] if evidence else [])
    return _card(request, evidence, names, policy_in_force(), at=at)


def _newest_evidence(requests: list[CapacityRequest]) -> dict[int, Evidence]:
    rows = Evidence.objects.filter(request__in=requests)
    newest = rows.order_by("request_id", "-computed_at", "-id").distinct("request_id")
    return {row.request_id: row for row in newest}


def _card(
    request: CapacityRequest,
    evidence: Evidence | None,
    names: dict[int, str],
    policy: Policy,
    *,
    at: datetime,
) -> InboxCard:
    deployment, service = request.deployment, request.service
    return InboxCard(
        id=request.pk,
        url=request.get_absolute_url(),
        service=service.name,
        service_slug=service.slug,
        team=service.team.name,
        deployment=str(deployment),
        asked=words.amount(deployment, request.units),
        window=words.span(request.starts_at, request.window.end, now=at),
        length=words.length(request.window),
        starts=words.age(request.starts_at, now=at),
        is_late=request.starts_at <= at,
        answer_by=words.moment(request.deadline_at, now=at),
        occasion=request.get_occasion_display(),
        purpose=request.purpose,
        requester=request.requester.display_name,
        on_behalf_of=request.on_behalf_of.display_name if request.on_behalf_of else "",
        observe_only=not (deployment.pool and deployment.pool.applies),
        is_provisioned=deployment.is_provisioned,
        release_agreed=request.accepts_provisioned_release,
        grounds=evidence
        and grounds(
            evidence.facts,
            service=service,
            deployment=deployment,
            asked_units=request.units,
            names=names,
            policy=policy,
            computed_at=evidence.computed_at,
            now=at,
        ),
    )
