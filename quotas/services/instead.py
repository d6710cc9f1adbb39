"""What could be asked instead of something that is in the way: of this deployment or another of the
service, and where a deployment could be planned. Nothing is written and nothing locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from portal.kernel.windows import FOREVER, Window, floor_to_minute
from quotas.domain.alternatives import Judge, alternatives
from quotas.domain.availability import fit, free_steps
from quotas.domain.openings import Opening, openings
from quotas.domain.options import Option, Source, Wish
from quotas.domain.policy import Policy
from quotas.domain.policy_judge import judge
from quotas.domain.policy_rules import Outcome
from quotas.domain.starts import FreeLine
from quotas.models import Deployment, Pool, Service
from quotas.selectors import amounts
from quotas.selectors.freezes import freezes_of
from quotas.selectors.new_places import opening_of, spots_beside
from quotas.selectors.places import Spot
from quotas.selectors.pool_figures import PoolFigures, figures_of
from quotas.selectors.residency import REACH_OF, home_of, place_of, regions_of
from quotas.services.asking import Kind
from quotas.services.evidence import Asked, Judged, as_if, ledger_window

SEARCHED = timedelta(days=30)  # beyond the end of what is asked
MOVABLE = (Kind.BURST, Kind.BASELINE)  # to another place


@dataclass(frozen=True)
class Instead:
    """What could be asked, best first, and what could be planned where no deployment is yet; by the
    ids of deployments and the keys of `spots`.
    """

    options: list[Option] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    spots: dict[str, Spot] = field(default_factory=dict)


@dataclass(frozen=True)
class _Lines:
    """What pools hold and when nothing of them starts, from `now` on for ever; by their ids."""

    now: datetime
    figures: Mapping[int, PoolFigures]
    frozen: Mapping[int, Sequence[Window]]

    def until(self, end: datetime, pool: Pool, lead: timedelta) -> FreeLine:
        own, far = self.figures[pool.pk], Window(self.now, end)
        return FreeLine(free_steps(own.entries, own.room, far), far, lead, self.frozen[pool.pk])


def instead_of(
    asked: Asked, judged: Judged, deployments: list[Deployment], rules: Policy, *, at: datetime
) -> Instead:
    """`deployments`: the one that was asked of, then others that could take it. Eight queries,
    however many deployments, places and alternatives there are.
    """
    spots = spots_beside(asked.service, deployments) if asked.kind in MOVABLE else []
    lines = _lines([*(d.pool for d in deployments), *(spot.model.pool for spot in spots)], at=at)
    regions = regions_of(asked.service)
    sources = [_source(asked, each, lines, home_of(each, regions)) for each in deployments]
    wish = Wish(
        asked.window,
        REACH_OF[Service.Residency(asked.service.data_residency)],
        may_move=asked.kind != Kind.EXTENSION,
        may_shrink=asked.kind != Kind.EXTENSION,
    )
    figures = lines.figures[asked.deployment.pool_id or 0]
    judged_by = _judge(asked, judged, sources[0].line, figures, rules, at=at)
    found = [each for spot in spots if (each := _opening(spot, asked, lines))]
    return Instead(
        alternatives(wish, sources, judged_by),
        openings(wish, place_of(asked.deployment), regions.values(), found),
        {spot.key: spot for spot in spots},
    )


def _lines(pools: Sequence[Pool | None], *, at: datetime) -> _Lines:
    known = list({pool.pk: pool for pool in pools if pool}.values())
    window = Window(floor_to_minute(at), FOREVER)
    read = figures_of(known, at=window.start, window=window)
    return _Lines(window.start, {each.pool.pk: each for each in read}, freezes_of(known, window))


def _source(asked: Asked, deployment: Deployment, lines: _Lines, home: tuple[str, ...]) -> Source:
    pool = deployment.pool
    if pool is None:
        raise ValueError("a deployment without a pool cannot be granted anything")
    is_asked = deployment is asked.deployment
    lead = asked.window.start - ledger_window(asked).start if is_asked else pool.lead
    end = asked.window.end
    line = lines.until(end if end == FOREVER else end + SEARCHED, pool, lead)
    step = amounts.step_of(deployment).on_top()
    units = step.at_least(amounts.same_in(deployment, asked.deployment, asked.units))
    return Source(deployment.pk, units, step, line, place_of(deployment), home)


def _opening(spot: Spot, asked: Asked, lines: _Lines) -> Opening | None:
    """None also where the limit was never read: nothing is free on a guess."""
    pool = spot.model.pool
    if lines.figures[pool.pk].limit is None:
        return None
    line = lines.until(FOREVER, pool, pool.lead)
    return opening_of(spot, asked.deployment, asked.units, asked.window, line)


def _judge(
    asked: Asked,
    judged: Judged,
    line: FreeLine,
    figures: PoolFigures,
    rules: Policy,
    *,
    at: datetime,
) -> Judge:
    """By the facts that are known already; of another deployment they are not."""

    def outcome(option: Option) -> Outcome | None:
        if option.source != asked.deployment.pk:
            return None
        window = line.taken(option.window)
        found = fit(figures.entries, figures.room, window, option.units)
        other = replace(asked, units=option.units, window=option.window)
        return judge(as_if(judged, other, found, at=at), rules).outcome

    return outcome
