"""One request: where it stands, what happened, what was known."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from portal.kernel.shown import Shown
from portal.kernel.status import Ticks
from portal.models import User
from quotas.domain.grants import Phase
from quotas.domain.states import (
    EDITABLE_REQUEST_STATES,
    REQUEST_TRANSITIONS,
    RequestEvent,
    RequestState,
)
from quotas.models import CapacityRequest, Evidence, Pool, Service
from quotas.selectors import statuses, words
from quotas.selectors.burst_report import ReportPage, report_due, report_of
from quotas.selectors.cards import Grounds, grounds, names_of_others
from quotas.selectors.changes import what_azure_said
from quotas.selectors.lasting import LastingStand, lasting_stand
from quotas.selectors.notice import Notice, notice_of
from quotas.selectors.offers import Turn, turn_of
from quotas.selectors.policy import Policies
from quotas.selectors.request_timeline import Event, timeline
from quotas.selectors.requests import RequestRow, request_rows
from quotas.selectors.stage_words import stage_line
from quotas.selectors.watched import Doubt, doubts_of

RISK = (
    "Azure lowered the pool's limit, or quota was taken outside of Headroom, and this was approved "
    "after what else is promised: {missing} of it do not fit, from {since} on. What Azure has "
    "given already stays; the rest is written as soon as there is room. The owners of the pool can "
    "ask Azure for quota, or end another grant."
)

GAVE_UP = "Its window is over, so Headroom has stopped trying."


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
    revoked_from: Shown  # when a revocation of now would take hold
    ends_anyway: bool  # by itself, before an owner of the pool could revoke it
    grant_ends: Shown
    stage: str
    turn: Turn | None
    is_mine: bool
    unit: str  # what people count the deployment in
    kind: str
    is_draft: bool
    may_ask: bool  # for its service
    may_edit: bool
    report: ReportPage | None
    report_due: Shown | None  # when it comes; None where it is there, or none comes
    doubts: list[Doubt]  # what would stop its next edge
    lasting: LastingStand | None  # of what is approved and has no end

    @property
    def may_extend(self) -> bool:
        return self.may_ask and self.may_give_back and self.kind in ("burst", "extension")

    @property
    def may_ask_again(self) -> bool:
        once = self.kind in ("give_back", "sandbox")
        return self.may_ask and not self.is_draft and not once

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
    def ticks(self) -> Ticks | None:
        """How far it has come; None where nothing is approved, and of what is over: nothing is left
        to be applied, and the timeline tells what was.
        """
        if grant := self.row.grant:
            return None if grant.phase == Phase.OVER else grant.ticks
        return self.lasting.ticks if self.lasting else None

    @property
    def why_not_applied(self) -> str:
        if self.row.grant:
            return self.row.grant.standing.not_applied_because
        return self.lasting.why_not if self.lasting else ""

    @property
    def why_not_title(self) -> str:
        """Of one that is ending, its end is what Azure has not got."""
        return "Not taken back yet." if self.phase == Phase.ENDING else "Not applied yet."

    @property
    def never_applied(self) -> str:
        """Why it never was in Azure although its window is over; "" where it was."""
        gave_up = self.row.grant.gave_up if self.row.grant else None
        if gave_up is None:
            return ""
        return f"{GAVE_UP} {what_azure_said(gave_up)}".strip()

    @property
    def risk(self) -> str:
        """Why it may not hold, in a sentence; "" where it does."""
        if not (self.row.grant and self.row.grant.risk):
            return ""
        return RISK.format(missing=self.missing, since=self.missing_from)

    @property
    def gives_back(self) -> str:
        if self.must_say_why:
            return f"takes {self.row.amount} back {self.revoked_from}; the team reads the reason"
        return f"gives back {self.row.amount} at once; giving back is always granted"


def request_page(request: CapacityRequest, user: User, *, at: datetime) -> RequestPage:
    """Needs `with_people`. Whoever may see the request may see this page."""
    row = request_rows([request], at=at)[0]
    risk = row.grant.risk if row.grant else None
    evidence = request.evidence.first()
    mine = user.pk in request.askers
    asks = Service.objects.may_request(user).filter(pk=request.service_id).exists()
    pool = Pool.objects.operated_by(user).filter(pk=request.deployment.pool_id)
    operates = user.is_platform_owner or pool.exists()
    until = (row.grant.given_back_at or row.grant.entry.effective_until) if row.grant else None
    notice = notice_of(request, until, at=at)
    revokes = operates and not asks
    may_give_back = bool(row.grant and row.grant.may_be_given_back and (asks or operates))
    is_over = bool(row.grant and row.grant.phase == Phase.OVER)
    report = report_of(request, now=at) if is_over else None
    withdrawable = (RequestState(request.state), RequestEvent.WITHDRAW) in REQUEST_TRANSITIONS
    return RequestPage(
        row=row,
        purpose=request.purpose,
        facts=_facts(request, row, at=at),
        events=timeline(request, row, at=at),
        grounds=_grounds(request, evidence, user, at=at),
        may_withdraw=mine and withdrawable,
        may_give_back=may_give_back,
        must_say_why=revokes,
        may_decide=CapacityRequest.objects.decidable_by(user, at=at).filter(pk=request.pk).exists(),
        is_open=withdrawable,
        ends=words.moment(request.window.end, now=at),
        missing=words.amount(request.deployment, risk.units if risk else None),
        missing_from=words.moment(risk.window.start if risk else None, now=at),
        revoked_from=_revoked_from(notice, row.starts_at if row.grant else None, at),
        ends_anyway=notice.ends_anyway and may_give_back and revokes,
        grant_ends=words.moment(until, now=at),
        stage=stage_line(request) if request.state == RequestState.IN_REVIEW else "",
        turn=turn_of(request, now=at),
        is_mine=mine,
        unit=words.amount_word(request.deployment),
        kind=request.kind,
        is_draft=request.state == RequestState.DRAFT,
        may_ask=asks,
        may_edit=mine and request.state in EDITABLE_REQUEST_STATES,
        report=report,
        doubts=doubts_of(request, at=at) if request.state == RequestState.APPROVED else [],
        lasting=None if row.grant else lasting_stand(request, at=at),
        report_due=None if report or not row.grant else report_due(request, row.grant, now=at),
    )


def _revoked_from(notice: Notice, begins: datetime | None, at: datetime) -> Shown:
    """`from Tue 3 Mar, 10:00 on, after a notice of 24 h`."""
    if not notice.length:
        return Shown("at once")
    hours = notice.length // timedelta(hours=1)
    moment = words.moment(max(notice.holds_from, begins or notice.holds_from), now=at)
    return Shown(f"from {moment} on, after a notice of {hours} h", exact=moment.exact)


def _facts(request: CapacityRequest, row: RequestRow, *, at: datetime) -> list[tuple[str, Any]]:
    behalf = request.on_behalf_of
    to_be_made = ", which is still to be made" if request.deployment.is_expected else ""
    return [
        ("Amount", row.asked),
        ("Units", f"{request.units:,} on {request.deployment}{to_be_made}"),
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
        policy=Policies().of(request.policy_version),
        computed_at=evidence.computed_at,
        now=at,
    )
