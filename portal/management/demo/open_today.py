"""What is open in the demo today: requests that differ in what they need of whoever decides, and a
service that is being registered.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from portal.kernel.windows import DAY, HOUR, floor_to_day
from portal.management.demo.story import Scene, draft_of, person
from portal.models import User
from quotas.domain.states import RequestState
from quotas.domain.suggestion import Latency, Shape
from quotas.models import CapacityRequest, Membership, Service, Team
from quotas.selectors.places import Wanted, models_on_offer
from quotas.selectors.suggested import Asked, suggestions
from quotas.services import decisions, onboarding
from quotas.services.asking import Draft
from quotas.services.onboarding import Registration
from quotas.services.planning import Planned
from quotas.services.requests import submit

CLAUSES, CLAUSES_MODEL = "Clause finder", "gpt-4o-mini"


def present_scenes(today: datetime) -> list[Scene]:
    """Asked once usage is there, so that each carries real evidence."""
    tomorrow = floor_to_day(today) + DAY
    acts = (
        _sends(_tender(tomorrow + 7 * HOUR)),
        _sends(_interviews(tomorrow + DAY + 8 * HOUR)),
        _sends(_wave(tomorrow + 6 * HOUR)),
        _granted(_enrolment(tomorrow + 7 * HOUR)),
        _sends(_stress_tests(tomorrow + DAY)),
        _sends(_another_group(today)),
        register_clauses,
    )
    return [Scene(today, act) for act in acts]


def _tender(start: datetime) -> Draft:
    """Takes the last that is free of its pool."""
    purpose = "Forty proposals are due for the framework tender on one day."
    return draft_of("proposal-writer", 40, start, 11, "launch", purpose)


def _interviews(start: datetime) -> Draft:
    """Low risk: may be approved together with others."""
    return draft_of("interview-notes", 20, start, 9, "onboarding", "Interviews for the new branch.")


def _wave(start: datetime) -> Draft:
    """Fits when it is asked, and no more once `_enrolment` was granted a part of what was free."""
    purpose = "The second wave of contracts moves; calls double while agents learn the system."
    return draft_of("care-summaries", 100, start, 60, "migration", purpose)


def _enrolment(start: datetime) -> Draft:
    purpose = "Benefits enrolment opens for everybody who joined this autumn."
    return draft_of("hr-helpdesk", 25, start, 11, "training", purpose)


def _stress_tests(start: datetime) -> Draft:
    """Provisioned units for two weeks cost so much that finance is asked as well."""
    purpose = "The supervisor wants the stress tests with every portfolio's full text."
    asked = draft_of("risk-reports", 30, start, 14 * 24, "month_end", purpose)
    return replace(asked, accepts_provisioned_release=True)


def _another_group(start: datetime) -> Draft:
    """A higher baseline: it lasts."""
    purpose = "A second research group reads with it from today on."
    asked = draft_of("paper-reader", 50, start, 0, "", purpose)
    kind = CapacityRequest.Kind.BASELINE
    return replace(asked, ends_at=None, starts_now=True, kind=kind)


def _sends(draft: Draft) -> Callable[[datetime], CapacityRequest]:
    """The owner asks."""
    return lambda at: submit(draft, by=draft.service.owner, at=at)


def _granted(draft: Draft) -> Callable[[datetime], object]:
    """… and Cleo approves, unless the policy has done so already."""

    def act(at: datetime) -> object:
        asked = _sends(draft)(at)
        if asked.state == RequestState.APPROVED:
            return asked
        return decisions.approve(asked, by=person("cleo"), note="It is free.", at=at)

    return act


def register_clauses(at: datetime) -> Service:
    """The lead of the lawyers registers a service; its first baseline is asked for."""
    team = Team.objects.get(slug="legal")
    lead, member = _people_of(team)
    facts = Registration(
        team=team,
        name=CLAUSES,
        owner=lead,
        deputy=member,
        environment=Service.Environment.PRODUCTION,
        tier=3,
        purpose="Finds the clauses of a contract that differ from our own terms.",
        user_population="25 lawyers and paralegals",
        if_throttled="They compare by hand; a contract takes a day longer.",
        proof_metric="Contracts compared a week",
        data_class=Service.DataClass.RESTRICTED,
        data_residency=Service.Residency.REGION,
    )
    return onboarding.register(facts, _first_place(at), by=lead, at=at)


def _first_place(at: datetime) -> Planned:
    """Where the suggestion would have it."""
    asked = Asked(
        residency=Service.Residency.REGION,
        home="northeurope",
        latency=Latency.INTERACTIVE,
        shape=Shape.OFFICE_HOURS,
        model=next(name for name in models_on_offer() if name[1] == CLAUSES_MODEL),
        wanted=Wanted(30_000),
    )
    first = suggestions(asked, at=at).rows[0]
    slug = onboarding.slug_of(CLAUSES)
    return Planned(first.spot.account, first.spot.model, slug, first.units)


def _people_of(team: Team) -> tuple[User, User]:
    roles = {each.role: each.user for each in team.memberships.select_related("user")}
    return roles[Membership.Role.LEAD], roles[Membership.Role.MEMBER]
