"""One request: where it stands, what happened, what was known."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.kernel.shown import Shown
from portal.models import User
from quotas.domain.grants import Phase
from quotas.domain.states import REQUEST_TRANSITIONS, ChangeState, RequestEvent, RequestState
from quotas.models import CapacityRequest, Change, Decision, Evidence, Pool, Service
from quotas.selectors import statuses, words
from quotas.selectors.cards import Grounds, grounds, names_of_others
from quotas.selectors.changes import what_azure_said
from quotas.selectors.policy import policy_in_force
from quotas.selectors.requests import RequestRow, request_rows

RISK = (
    "Azure lowered the pool's limit, or quota was taken outside of Headroom, and this was approved "
    "after what else is promised: {missing} of it do not fit, from {since} on. What Azure has "
    "given already stays; the rest is written as soon as there is room. The owners of the pool can "
    "ask Azure for quota, or end another grant."
)
Event = dict[str, Any]


@dataclass(frozen=True)
class RequestPage:
    """`events` is the timeline; `facts` what was asked; the rights say which buttons there are."""

    row: RequestRow
    purpose: str
    facts: list[tuple[str, Any]]
    events: list[Event]
    grounds: Grounds | None
    may_withdraw: bool
    may_give_back: bool
    must_say_why: bool
    may_decide: bool
    is_open: bool
    ends: Shown
    missing: Shown
    missing_from: Shown
    notice: str = ""  # between a revocation and its end; "" for none

    @property
    def trail(self) -> list[tuple[str, str]]:
        return [("Requests", reverse("requests")), (f"#{self.row.id}", "")]

    @property
    def phase(self) -> str:
        return self.row.grant.phase if self.row.grant else ""

    @property
    def held_back(self) -> bool:
        """Approved in a pool that only observes."""
        return bool(self.row.grant and self.row.grant.status == statuses.NOT_APPLIED)

    @property
    def risk(self) -> str:
        """Why it may not hold, in a sentence; "" where it does."""
        if not (self.row.grant and self.row.grant.risk):
            return ""
        return RISK.format(missing=self.missing, since=self.missing_from)

    @property
    def gives_back(self) -> str:
        if self.must_say_why:
            when = f"after a notice of {self.notice}" if self.notice else "at once"
            return f"takes {self.row.amount} back {when}; the team reads the reason"
        return f"gives back {self.row.amount} at once; giving back is always granted"


def request_page(request: CapacityRequest, user: User, *, at: datetime) -> RequestPage:
    """Needs `with_people`. Whoever may see the request may see this page."""
    row = request_rows([request], at=at)[0]
    risk = row.grant.risk if row.grant else None
    evidence = request.evidence.first()
    mine = user.pk in {request.requester_id, request.on_behalf_of_id}
    asks = Service.objects.may_request(user).filter(pk=request.service_id).exists()
    operates = Pool.objects.operated_by(user).filter(pk=request.deployment.pool_id).exists()
    withdrawable = (RequestState(request.state), RequestEvent.WITHDRAW) in REQUEST_TRANSITIONS
    return RequestPage(
        row=row,
        purpose=request.purpose,
        facts=_facts(request, row, at=at),
        events=_events(request, row, at=at),
        grounds=_grounds(request, evidence, user, at=at),
        may_withdraw=mine and withdrawable,
        may_give_back=bool(row.grant and row.grant.may_be_given_back and (asks or operates)),
        must_say_why=operates and not asks,
        may_decide=operates and not mine and withdrawable,
        is_open=withdrawable,
        ends=words.moment(request.window.end, now=at),
        missing=words.amount(request.deployment, risk.units if risk else None),
        missing_from=words.moment(risk.window.start if risk else None, now=at),
        notice=_notice(request),
    )


def _notice(request: CapacityRequest) -> str:
    hours = settings.HEADROOM_REVOKE_NOTICE_HOURS[request.service.tier - 1]
    return f"{hours} h" if hours else ""


def _facts(request: CapacityRequest, row: RequestRow, *, at: datetime) -> list[tuple[str, Any]]:
    behalf = request.on_behalf_of
    return [
        ("Amount", row.asked),
        ("Units", f"{request.units:,} on {request.deployment}"),
        ("Window", row.window),
        ("Length", words.length(request.window)),
        ("Occasion", row.occasion),
        ("Asked by", row.requester + (f", for {behalf.display_name}" if behalf else "")),
        ("Team", request.service.team.name),
        ("Pool", words.pool_name(request.deployment.pool) if request.deployment.pool else None),
    ]


def _grounds(
    request: CapacityRequest, evidence: Evidence | None, user: User, *, at: datetime
) -> Grounds | None:
    if evidence is None:
        return None
    return grounds(
        evidence.facts,
        service=request.service,
        deployment=request.deployment,
        asked_units=request.units,
        names=names_of_others(user, [evidence.facts]),
        policy=policy_in_force(),
        computed_at=evidence.computed_at,
        now=at,
    )


def _events(request: CapacityRequest, row: RequestRow, *, at: datetime) -> list[Event]:
    """Oldest first; what is still to come is marked as such."""
    events = [(request.submitted_at, _event("Asked", by=row.requester, text=request.purpose))]
    decisions = request.decisions.select_related("decided_by")
    events += [(decision.at, _decided(decision)) for decision in decisions]
    if request.state in (RequestState.WITHDRAWN, RequestState.TIMED_OUT) and request.decided_at:
        word = statuses.OF_REQUEST[RequestState(request.state)].word
        events.append((request.decided_at, _event(word)))
    events += [moment for change in _changes(request) for moment in _applied(change)]
    if row.grant:
        events += _edges(request, row, at=at)
    events.sort(key=lambda pair: pair[0])
    return [{**event, "at": words.moment(when, now=at)} for when, event in events]


def _event(title: str, *, by: str = "", text: str = "", tone: str = "") -> Event:
    return {"title": title, "by": by, "text": text, "tone": tone}


def _decided(decision: Decision) -> Event:
    by_policy = f"the policy, version {decision.policy_version}"
    who = words.person_name(decision.decided_by, nobody=by_policy)
    tone = "ok" if decision.outcome == Decision.Outcome.APPROVED else "danger"
    return _event(decision.get_outcome_display(), by=who, text=decision.note, tone=tone)


def _changes(request: CapacityRequest) -> list[Change]:
    rows = Change.objects.filter(because__contains=[{"request": request.pk}])
    kept = rows.exclude(state=ChangeState.SUPERSEDED, written_at__isnull=True)
    return list(kept.order_by("planned_at", "pk"))


def _applied(change: Change) -> list[tuple[datetime, Event]]:
    step = f"{change.from_units:,} → {change.to_units:,} units"
    found = []
    if change.written_at:
        found.append((change.written_at, _event("Written to Azure", text=step)))
    if change.verified_at:
        read = f"{change.read_back_units:,} units"
        found.append((change.verified_at, _event("Read back from Azure", text=read, tone="ok")))
    elif change.error_reason:
        text = what_azure_said(change)
        found.append((change.planned_at, _event("Not applied", text=text, tone="danger")))
    return found


def _edges(
    request: CapacityRequest, row: RequestRow, *, at: datetime
) -> list[tuple[datetime, Event]]:
    if row.grant is None:
        return []
    entry, back = row.grant.entry, row.grant.given_back_at
    if back:
        ended = _event("Given back", tone="ok", text="From here on the ledger holds nothing of it.")
        return [(back, ended)]
    starts = {**_event("Starts by itself"), "todo": True}
    is_over = entry.effective_until <= at
    ends = _event("Ended") if is_over else {**_event("Ends by itself"), "todo": True}
    found = [(entry.effective_until, ends)]
    if row.grant.phase == Phase.UPCOMING:
        found.append((request.starts_at, starts))
    return found
