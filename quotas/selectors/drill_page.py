"""The drill of a lost region as people read it: the answer first, then service by service."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from portal.kernel.shown import Shown
from portal.kernel.slices import Slice, slice_of
from portal.kernel.status import Status, Tone
from portal.models import User
from quotas.models import Deployment, Service
from quotas.selectors import words
from quotas.selectors.drill import (
    LENGTHS,
    USUAL_HOURS,
    Carried,
    Region,
    as_asked,
    regions_for,
)
from quotas.selectors.holdings import together
from quotas.selectors.places import key_of, model_of

FITS = Status("Fits elsewhere", Tone.OK)
IN_PART = Status("Fits in part", Tone.ATTENTION)
NO_ROOM = Status("No room", Tone.DANGER)
NO_HOME = Status("No home", Tone.DANGER)
NOTHING = "nothing"


@dataclass(frozen=True)
class DrillMove:
    deployment: str
    region: str
    amount: Shown


@dataclass(frozen=True)
class DrillRow:
    """`share` of what is held that finds room; `why` completes what the status says; `plan_url`
    leads to planning a deployment elsewhere, for who may.
    """

    service: str
    slug: str
    team: str
    tier: str
    deployment: str
    model: str
    held: Shown
    moves: list[DrillMove]
    share: float
    missing: Shown | None
    status: Status
    why: str
    plan_url: str


@dataclass(frozen=True)
class DrillPage:
    """`chosen` is "" where no region is. `drafts`: how many burst requests it takes in all;
    `may_draft`: this person may have them drafted.
    """

    regions: list[Region]
    chosen: str
    hours: int
    lengths: Mapping[int, str]
    rows: list[DrillRow]
    place: Slice  # of the rows
    counts: Mapping[str, int]
    stats: list[dict[str, Any]]
    until: Shown | None
    unmapped: int
    drafts: int
    may_draft: bool


def drill_page(user: User, params: Mapping[str, str], *, at: datetime) -> DrillPage:
    """`?region=` and `?hours=`; what is not known there counts as not chosen."""
    regions = regions_for(user)
    region, hours = chosen_of(params, regions)
    found = as_asked(user, region, hours, at=at) if region else None
    kept = found.rows if found else []
    asks = _askable(user, kept)
    place = slice_of(params, len(kept))
    rows = [_row(each, asks) for each in kept[place.start : place.stop]]
    statuses = [_status(each) for each in kept]
    own = [each for each in kept if user.is_platform_owner or each.service.pk in asks]
    return DrillPage(
        regions=regions,
        chosen=region,
        hours=hours,
        lengths=LENGTHS,
        rows=rows,
        counts={
            name: statuses.count(status) for name, status in (("fits", FITS), ("part", IN_PART))
        }
        | {"none": statuses.count(NO_ROOM) + statuses.count(NO_HOME)},
        place=place,
        stats=_stats(kept),
        until=words.moment(found.window.end, now=at) if found else None,
        unmapped=found.unmapped if found else 0,
        drafts=len({(e.service.pk, m.deployment.pk) for e in own for m in e.moves}),
        may_draft=bool(own),
    )


def chosen_of(params: Mapping[str, str], regions: Iterable[Region]) -> tuple[str, int]:
    """ "" and the usual length where nothing that is known was asked for."""
    region = params.get("region", "")
    hours = params.get("hours", "")
    known = {str(each): each for each in LENGTHS}
    return (
        region if region in {each.name for each in regions} else "",
        known.get(hours, USUAL_HOURS),
    )


def _askable(user: User, rows: list[Carried]) -> set[int]:
    asked = Service.objects.may_request(user).filter(pk__in={each.service.pk for each in rows})
    return set(asked.values_list("pk", flat=True))


def _row(each: Carried, asks: set[int]) -> DrillRow:
    lost, status = each.deployment, _status(each)
    may_plan = status != FITS and each.service.pk in asks
    return DrillRow(
        service=each.service.name,
        slug=each.service.slug,
        team=each.service.team.name,
        tier=each.service.get_tier_display(),
        deployment=str(lost),
        model=lost.model_name,
        held=words.amount(lost, each.units),
        moves=[
            DrillMove(
                str(m.deployment), m.deployment.account.region, words.on_top(m.deployment, m.units)
            )
            for m in each.moves
        ],
        share=float(1 - each.missing),
        missing=words.amount(lost, each.missing_units) if each.missing else None,
        status=status,
        why=_why(each, status),
        plan_url=_plan_url(each.service, lost) if may_plan else "",
    )


def _status(each: Carried) -> Status:
    if not each.has_home:
        return NO_HOME
    if not each.missing:
        return FITS
    return IN_PART if each.moves else NO_ROOM


def _why(each: Carried, status: Status) -> str:
    """A sentence; "" where all of it fits."""
    if status == FITS:
        return ""
    if status == NO_HOME and each.barred:
        other, why = each.barred[0]
        return f"{other} in {other.account.region} is barred: {why}."
    if status == NO_HOME:
        return f"It has no other deployment of {each.deployment.model_name} outside the region."
    return "Its other deployments have no more room for that time."


def _plan_url(service: Service, lost: Deployment) -> str:
    query = urlencode({"model": key_of(model_of(lost))})
    return f"{reverse('service_plan', args=[service.slug])}?{query}"


def _stats(rows: list[Carried]) -> list[dict[str, Any]]:
    held = together((each.deployment, each.units) for each in rows)
    missing = together((each.deployment, each.missing_units) for each in rows)
    moved = together((move.deployment, move.units) for each in rows for move in each.moves)
    return [
        {"label": "Held in the region", "value": held or NOTHING},
        {"label": "Has room elsewhere", "value": moved or NOTHING},
        {"label": "Has no room", "value": missing or NOTHING},
    ]
