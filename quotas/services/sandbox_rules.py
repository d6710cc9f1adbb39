"""What a sandbox may be: how much, where, how long, and of whose team."""

from datetime import datetime, timedelta

from django.conf import settings

from portal.kernel.errors import DomainError
from portal.kernel.windows import DAY, Window, floor_to_minute
from portal.models import User
from quotas.domain.terms import Terms
from quotas.models import Deployment, Sandbox, Service, Team
from quotas.selectors.residency import REACH_OF, place_of, why_not_there
from quotas.services.asking import Draft
from quotas.services.model_rules import why_not_askable
from quotas.services.refusals import in_people_units, refuse

LENGTH = 30 * DAY
KEPT_FROM = 14 * DAY  # before its end, from when on it may be kept for longer


def most_units() -> int:
    """0: there are no sandboxes."""
    return int(settings.HEADROOM_SANDBOX_UNITS)


def longest_end(at: datetime) -> datetime:
    return floor_to_minute(at) + LENGTH


def check_sandbox(draft: Draft, *, by: User, at: datetime) -> Terms:
    """The terms of a sandbox, or of its going on (`parent`). Raises DomainError for the first thing
    that is wrong.
    """
    live = Sandbox.objects.live().filter(service=draft.service, deployment=draft.deployment)
    if not live.filter(person=by).exists():
        raise refuse("not_yours", "A sandbox is its person's own; claim one on its page.")
    if not draft.purpose.strip():
        raise refuse("purpose_missing", "Say what you want to try out.")
    check_place(draft.deployment, draft.service.team)
    if barred := why_not_askable(draft.deployment, at=at):
        raise barred
    check_size(draft.deployment, draft.units)
    start = floor_to_minute(draft.starts_at)
    end = floor_to_minute(draft.ends_at) if draft.ends_at else longest_end(at)
    if not start < end <= longest_end(at):
        raise refuse("too_long", f"A sandbox lasts {LENGTH // timedelta(days=1)} days at most.")
    return Terms(draft.units, Window(start, end))


def check_size(deployment: Deployment, units: int) -> None:
    """Raises DomainError for nothing, and for what is too much for a sandbox."""
    most = most_units()
    if not most:
        raise refuse("no_sandboxes", "There are no sandboxes here. Register a service instead.")
    if units <= 0:
        raise refuse("nothing_asked", "Ask for more than nothing.")
    if units > most:
        raise refuse(
            "above_sandbox",
            f"A sandbox has {in_people_units(deployment, most)} at most. For more, register a "
            "service with an owner and a purpose, and ask for its baseline.",
        )


def check_place(deployment: Deployment, team: Team) -> None:
    """Raises DomainError unless the deployment is open for sandboxes, and within the residency of
    every service of the team: what is tried out is tried out with the team's data.
    """
    if not Deployment.objects.open_for_sandboxes().filter(pk=deployment.pk).exists():
        raise refuse("not_open", f"{deployment} is not open for sandboxes. Choose another model.")
    if barred := why_barred_for(team, deployment):
        raise barred


def why_barred_for(team: Team, deployment: Deployment) -> DomainError | None:
    for service in services_in_use(team):
        if reason := why_not_there(service, place_of(deployment)):
            return refuse(
                "residency",
                f"{deployment} is barred for sandboxes of {team}, as it is for {service}: {reason}."
                " Choose another model, or register a service whose data may be there.",
            )
    return None


def strictest_residency(team: Team) -> str:
    """Of the services of the team; anywhere where none says otherwise."""
    found = [Service.Residency(service.data_residency) for service in services_in_use(team)]
    return min(found, key=REACH_OF.__getitem__, default=Service.Residency.ANYWHERE)


def services_in_use(team: Team) -> list[Service]:
    rows = team.services.in_use()
    return list(rows.filter(sandbox__isnull=True))
