"""If a region were lost: what is held there, who has a home elsewhere, and what fits there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from django.db.models import Count, QuerySet, Sum

from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.drill import Home, Loss, Outcome, carry
from quotas.domain.residency import why_barred, why_torn
from quotas.models import Deployment, LedgerEntry, Pool, Service
from quotas.selectors import amounts
from quotas.selectors.model_register import judgements_at, why_deprecated
from quotas.selectors.model_register import place_of as model_place
from quotas.selectors.pool_figures import figures_of
from quotas.selectors.residency import REACH_OF, place_of
from quotas.selectors.words import amount_word

LENGTHS = {24: "a day", 72: "three days", 168: "a week"}  # in hours
USUAL_HOURS = 72


@dataclass(frozen=True)
class Region:
    name: str
    deployments: int


@dataclass(frozen=True)
class Move:
    """`units` more of a deployment elsewhere."""

    deployment: Deployment
    units: int


@dataclass(frozen=True)
class Carried:
    """What one service holds of one deployment of the region, and where it would go. `barred` are
    other deployments of the same model, each with why nothing can be asked of it: its data must not
    be there, or the model is deprecated.
    """

    service: Service
    deployment: Deployment
    units: int
    moves: tuple[Move, ...]
    missing: Fraction  # of what it holds, from 0 to 1
    barred: tuple[tuple[Deployment, str], ...] = ()
    has_home: bool = False

    @property
    def missing_units(self) -> int:
        """Of the lost deployment, rounded up."""
        exact = self.missing * self.units
        return -(-exact.numerator // exact.denominator)


@dataclass(frozen=True)
class Drill:
    """`rows`: the critical tiers first. `unmapped`: deployments of the region that are nobody's."""

    region: str
    window: Window
    rows: list[Carried]
    unmapped: int = 0


def regions_for(user: User) -> list[Region]:
    """Those in which this person sees a deployment, by name. One query."""
    rows = Deployment.objects.present().visible_to(user).order_by("account__region")
    found = rows.values_list("account__region").annotate(Count("pk", distinct=True))
    return [Region(*row) for row in found]


def drill(region: str, window: Window, *, at: datetime) -> Drill:
    """Of every service: what one may take, another no longer can. Seven queries for any
    number.

    What is free is free for the whole window. What the lost deployments hold stays counted: Azure
    gives quota back when a deployment is deleted or shrunk, not when it is out of reach.
    """
    held = _held_in(region, at=at)
    services = Service.objects.select_related("team", "owner", "deputy")
    of_id = services.in_bulk({service for service, _ in held if service})
    there = _with_place(Deployment.objects.filter(pk__in={each for _, each in held}))
    by_id = {each.pk: each for each in there}
    own = _own_of(of_id)
    deprecated = _deprecated(own.values(), at=at)
    parts = [
        _part(
            of_id[service], by_id[deployment], units, own.get(service or 0, []), region, deprecated
        )
        for (service, deployment), units in held.items()
        if service in of_id
    ]
    parts.sort(key=lambda each: (each.service.tier, each.service.name, each.deployment.pk))
    free = _free(parts, window, at=at)
    outcomes = carry([each.loss for each in parts], free)
    rows = [each.carried(outcome) for each, outcome in zip(parts, outcomes, strict=True)]
    return Drill(region, window, rows, sum(service is None for service, _ in held))


def as_asked(user: User, region: str, hours: int, *, at: datetime) -> Drill:
    """From now on, with only the rows of services that this person may see; what others take of the
    room is counted.
    """
    found = drill(region, Window(at, at + timedelta(hours=hours)), at=at)
    if user.reads_everything:
        return found
    seen = set(Service.objects.visible_to(user).values_list("pk", flat=True))
    return Drill(region, found.window, [row for row in found.rows if row.service.pk in seen])


@dataclass(frozen=True)
class _Part:
    service: Service
    deployment: Deployment
    units: int
    homes: tuple[tuple[Deployment, int], ...]
    barred: tuple[tuple[Deployment, str], ...]

    @property
    def loss(self) -> Loss:
        return Loss(
            self.service.tier,
            tuple(
                Home(each.pk, each.pool_id or 0, units, amounts.step_of(each).on_top())
                for each, units in self.homes
            ),
        )

    def carried(self, outcome: Outcome) -> Carried:
        by_id = {each.pk: each for each, _ in self.homes}
        moves = tuple(Move(by_id[move.home.key], move.units) for move in outcome.moves)
        return Carried(
            self.service,
            self.deployment,
            self.units,
            moves,
            outcome.missing,
            self.barred,
            bool(self.homes),
        )


def _held_in(region: str, *, at: datetime) -> dict[tuple[int | None, int], int]:
    """Units by service and deployment, bursts included; without what is held of nothing."""
    rows = LedgerEntry.objects.applied().in_force_at(at).order_by()
    rows = rows.filter(deployment__account__region=region, deployment__gone_at__isnull=True)
    found = rows.values_list("service", "deployment").annotate(units=Sum("units"))
    return {(service, each): units for service, each, units in found if units > 0}


def _with_place(rows: QuerySet[Deployment]) -> list[Deployment]:
    return list(rows.select_related("account", "pool"))


def _own_of(services: Collection[int]) -> dict[int, list[Deployment]]:
    """What each of the services could ask of, in any region."""
    found: dict[int, list[Deployment]] = {}
    for each in _with_place(Deployment.objects.grantable().filter(service__in=services)):
        found.setdefault(each.service_id or 0, []).append(each)
    return found


def _deprecated(own: Iterable[list[Deployment]], *, at: datetime) -> dict[int, str]:
    """By deployment, why no more of its model may be asked for; "" where it may. One query."""
    rows = [each for found in own for each in found]
    judged = judgements_at([model_place(each) for each in rows], at=at)
    return {each.pk: why_deprecated(found) for each, found in zip(rows, judged, strict=True)}


def _part(
    service: Service,
    lost: Deployment,
    units: int,
    own: list[Deployment],
    region: str,
    deprecated: Mapping[int, str],
) -> _Part:
    allowed = REACH_OF[Service.Residency(service.data_residency)]
    regions = [each.account.region for each in own]
    homes, barred = [], []
    for each in own:
        if each.account.region == region or not _serves_same(lost, each):
            continue
        why = why_barred(allowed, place_of(each)) or why_torn(allowed, regions)
        if why := why or deprecated[each.pk]:
            barred.append((each, why))
        else:
            homes.append((each, amounts.same_in(each, lost, units)))
    return _Part(service, lost, units, tuple(homes), tuple(barred))


def _serves_same(lost: Deployment, other: Deployment) -> bool:
    """The same model in any version, counted alike: what PTUs serve is not known in tokens."""
    same = (lost.model_format, lost.model_name) == (other.model_format, other.model_name)
    return same and amount_word(lost) == amount_word(other)


def _free(parts: Iterable[_Part], window: Window, *, at: datetime) -> Mapping[int, int]:
    """By pool; nothing where Azure never told a limit."""
    pools: dict[int, Pool] = {}
    for part in parts:
        pools |= {each.pool.pk: each.pool for each, _ in part.homes if each.pool}
    found = figures_of(list(pools.values()), at=at, window=window)
    return {each.pool.pk: each.free_minimum if each.limit else 0 for each in found}
