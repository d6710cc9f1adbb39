"""Minutes of one deployment as the rule on throttling wants them: use, limits in force, callers.

Read once for a page or an evidence: four weeks of one deployment take some milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from portal.kernel.units import UnitRate
from portal.kernel.windows import MINUTE, Window
from quotas.selectors.metering import HeldSpan, MeteredDeployment
from showback.domain.bands import held_at_steps
from showback.domain.lost_demand import UniqueShare, unique_share
from showback.domain.measures import MISSING
from showback.domain.minutes import settled_until
from showback.domain.replay import Replay, demand, scaled_to_refusals, units_needed
from showback.domain.throttling import Minutes
from showback.selectors.deployment_use import ptu_model_of, tokens_per_unit_of
from showback.selectors.minutes import LOAD_MEASURES, is_all_gaps, load, read_minutes
from showback.selectors.spillover import met_by_callers

Ints = NDArray[np.int64]
HISTORY = timedelta(days=28)
MEASURES = ("ok", "throttled", "other", "spilled", "utilisation_percent", *LOAD_MEASURES)


@dataclass(frozen=True)
class ThrottledMinutes:
    """`window` is of whole minutes; `held` the units in force in each (0: none is known)."""

    window: Window
    minutes: Minutes
    held: Ints
    rate: UnitRate
    values: dict[str, Ints]  # as read, by measure

    @cached_property
    def share(self) -> UniqueShare:
        return unique_share(self.minutes.served, self.minutes.refused)

    @cached_property
    def needed_units(self) -> Ints | None:
        """The fewest units for each minute; None where nobody states what a unit serves."""
        if self.rate.tokens_per_minute is None:
            return None
        minutes = self.minutes
        wanted = demand(minutes.load, minutes.served, minutes.refused, self.share.likely)
        needed = units_needed(wanted, self.rate)
        return scaled_to_refusals(needed, wanted, minutes.served, minutes.refused, self.held)

    def last(self, length: timedelta) -> slice:
        """The places of the last minutes."""
        return slice(max(0, len(self.held) - int(length / MINUTE)), len(self.held))

    def replay(self, places: slice) -> Replay | None:
        """None where nobody states what a unit serves, or no minute of it arrived."""
        if (self.minutes.load[places] == MISSING).all() or self.needed_units is None:
            return None
        found = Replay(self.needed_units[places])
        return found if found.minutes else None


def history_window(at: datetime) -> Window:
    """The four weeks up to the newest settled minute."""
    end = settled_until(at)
    return Window(end - HISTORY, end)


def throttled_minutes(
    deployment: MeteredDeployment, window: Window, spans: Sequence[HeldSpan]
) -> ThrottledMinutes:
    """`spans` are the ledger's entries of the window, of this and of other deployments.

    Callers are not known here. Refusals that the spill-over target served do not count: nobody met
    them. One query, three where it spills over.
    """
    values = read_minutes([deployment.id], window, MEASURES)[deployment.id]
    held_spans = [(s.window, s.units) for s in spans if s.deployment_id == deployment.id]
    held = held_at_steps(held_spans, window, MINUTE)
    requests = None if deployment.is_provisioned else deployment.requests_per_minute_per_unit
    unit = UnitRate(tokens_per_unit_of(deployment), requests)
    refused = met_by_callers([deployment], window).get(deployment.id, values["throttled"])
    unknown = np.broadcast_to(np.int64(MISSING), len(held))
    none_came = is_all_gaps(values)
    minutes = Minutes(
        prompt=values["prompt"],
        generated=values["generated"],
        load=unknown if none_came else load(values, ptu_model_of(deployment)),
        answered=unknown if none_came else _sum(values, "ok", "spilled"),
        served=unknown if none_came else _sum(values, "ok", "spilled", "other"),
        refused=refused,
        by_gateway=unknown,
        token_limit=_limit(held, unit.tokens_per_minute),
        request_limit=_limit(held, unit.requests_per_minute),
        utilisation_percent=values["utilisation_percent"],
        own_share=unknown,
        is_provisioned=deployment.is_provisioned,
    )
    return ThrottledMinutes(window, minutes, held, unit, values)


def _sum(values: dict[str, Ints], *measures: str) -> Ints:
    known = np.all([values[name] != MISSING for name in measures], axis=0)
    return np.where(known, sum(values[name] for name in measures), MISSING)


def _limit(held: Ints, per_unit: int | None) -> Ints:
    """In force per minute; MISSING where nothing is held or no rate is stated."""
    if not per_unit:
        return np.full_like(held, MISSING)
    return np.where(held > 0, held * per_unit, MISSING)
