"""All that a day's figures are made of, read once.

First what is cheap and known of every deployment (`DayInputs`): from it, who needs to be worked
out. Then the use of those (`DayFacts`).

The day so far is all hours that are over, and of the running hour the minutes that had settled when
its use was last read. So the figures of a deployment change only when an hour ends, or when
something about it does.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from portal.kernel.windows import Window, floor_to_hour
from quotas.selectors.metering import (
    MeteredDeployment,
    held_spans,
    metered_deployments,
    team_of_services,
)
from showback.domain.holding import ByService, HourKey, Span, deployed_by_hour, held_by_hour
from showback.domain.minutes import settled_until
from showback.domain.months import day_window
from showback.gateway import finance_zone
from showback.models import CapacitySeen, UsageHour
from showback.selectors.sharing import Sharing, read_sharing
from showback.selectors.spillover import (
    Refused,
    Spill,
    met_by_callers,
    refused_by_hour,
    spills_among,
)

# Part of every basis: a release that works days out differently says so with another number, and
# the days that are going on are filled again.
BASIS_VERSION = 2


class HourRow(NamedTuple):
    """What a day needs of a `UsageHour`, by the same names."""

    deployment_id: int
    hour: datetime
    ok_requests: int
    throttled_requests: int
    other_requests: int
    spilled_requests: int
    prompt_tokens: int
    generated_tokens: int
    cached_tokens_estimated: int
    peak_tokens_per_minute: int | None
    throttled_minutes: int | None
    utilisation_percent_sum: int
    utilisation_minutes: int
    minutes_received: int
    minutes_expected: int


@dataclass(frozen=True)
class DayInputs:
    """All but the use. Hours that end at or before `over_until` are over; it lies in `window` or
    is one of its ends. Spans and observations are of the whole day, also of what is still to come.
    """

    day: date
    window: Window
    over_until: datetime
    deployments: dict[int, MeteredDeployment]
    spans: Mapping[int, list[Span]]
    capacity: Mapping[int, list[tuple[datetime, int]]]
    teams: Mapping[int, int]
    spills: Mapping[int, Spill]  # by each deployment that spills over

    def with_those_who_spill(self, chosen: Collection[int]) -> set[int]:
        """Also those whose refusals are told by minutes of the chosen ones: which of them their
        callers met depends on what the other deployment served, and on who else spills onto it.
        """
        return set(chosen) | {
            source
            for source, spill in self.spills.items()
            if not {spill.target_id, *spill.source_ids}.isdisjoint(chosen)
        }

    def basis(self, deployment_id: int) -> int:
        """Equal where a deployment's day, of equal use, comes out equal: 64 bits of all inputs."""
        what = self.deployments[deployment_id]
        spans = self.spans.get(deployment_id, [])
        services = {what.service_id, *(span.service_id for span in spans)}
        content = (
            BASIS_VERSION,
            self.over_until,
            # What is observed at each sync counts by what `capacity` has of it.
            replace(what, capacity_units=0, observed_at=self.window.start),
            [(s.service_id, s.units, s.window.start, s.window.end) for s in spans],
            [seen for seen in self.capacity.get(deployment_id, []) if seen[0] < self.window.end],
            sorted((s, self.teams.get(s)) for s in services if s is not None),
            self.spills.get(deployment_id),
        )
        return int.from_bytes(blake2b(repr(content).encode(), digest_size=8).digest(), signed=True)


@dataclass(frozen=True)
class DayFacts:
    """Of the deployments to work out. `until`: the end of the day so far, of each."""

    day: date
    window: Window
    deployments: dict[int, MeteredDeployment]
    until: dict[int, datetime]
    usage: dict[HourKey, HourRow]
    held: dict[HourKey, ByService]
    deployed: dict[HourKey, int]
    teams: Mapping[int, int]  # by service
    sharing: Sharing
    met: dict[HourKey, Refused]  # refusals that callers met, where a deployment spills over


def read_inputs(day: date, *, at: datetime) -> DayInputs:
    window = day_window(day, finance_zone())
    deployments = {d.id: d for d in metered_deployments(including_gone_since=window.start)}
    over = floor_to_hour(settled_until(at))
    return DayInputs(
        day=day,
        window=window,
        over_until=max(window.start, min(over, window.end)),
        deployments=deployments,
        spans=_spans(window),
        capacity=_capacity(deployments.values()),
        teams=team_of_services(),
        spills=_spills(deployments.values()),
    )


def read_facts(inputs: DayInputs, chosen: Collection[int]) -> DayFacts:
    usage = _usage(inputs.window, chosen)
    until = {deployment: _until(inputs, deployment, usage) for deployment in chosen}
    spans = [
        replace(span, window=part)
        for deployment, end in until.items()
        if end > inputs.window.start
        for span in inputs.spans.get(deployment, [])
        if (part := span.window.clipped_to(Window(inputs.window.start, end)))
    ]
    return DayFacts(
        day=inputs.day,
        window=inputs.window,
        deployments={deployment: inputs.deployments[deployment] for deployment in chosen},
        until=until,
        usage=usage,
        held=held_by_hour(spans),
        deployed=_deployed(inputs, until, spans),
        teams=inputs.teams,
        sharing=read_sharing(inputs.window, chosen),
        met=_met(inputs, chosen),
    )


def _spills(deployments: Iterable[MeteredDeployment]) -> dict[int, Spill]:
    return {source: spill for spill in spills_among(deployments) for source in spill.source_ids}


def _met(inputs: DayInputs, chosen: Collection[int]) -> dict[HourKey, Refused]:
    """Where minutes are known: of hours alone, refusals are as many as Azure counted."""
    spilling = [inputs.deployments[each] for each in chosen if each in inputs.spills]
    found = met_by_callers(spilling, inputs.window)
    return {
        (deployment, hour): refused
        for deployment, minutes in found.items()
        for hour, refused in refused_by_hour(minutes, inputs.window).items()
    }


def _usage(window: Window, chosen: Collection[int]) -> dict[HourKey, HourRow]:
    rows = UsageHour.objects.filter(
        hour__gte=window.start, hour__lt=window.end, deployment_id__in=list(chosen)
    ).order_by()
    found = map(HourRow._make, rows.values_list(*HourRow._fields).iterator())
    return {(row.deployment_id, row.hour): row for row in found}


def _until(inputs: DayInputs, deployment: int, usage: Mapping[HourKey, HourRow]) -> datetime:
    running = usage.get((deployment, inputs.over_until))
    minutes = running.minutes_expected if running else 0
    return inputs.over_until + timedelta(minutes=minutes)


def _spans(window: Window) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = defaultdict(list)
    for span in held_spans(window):
        found[span.deployment_id].append(
            Span(span.deployment_id, span.service_id, span.units, span.window)
        )
    return found


def _capacity(
    deployments: Iterable[MeteredDeployment],
) -> dict[int, list[tuple[datetime, int]]]:
    """Of provisioned deployments only: elsewhere capacity costs nothing."""
    provisioned = [d.id for d in deployments if d.is_provisioned]
    seen: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    rows = CapacitySeen.objects.filter(deployment_id__in=provisioned)
    for deployment, moment, units in rows.values_list("deployment_id", "seen_at", "units"):
        seen[deployment].append((moment, units))
    return seen


def _deployed(
    inputs: DayInputs, until: Mapping[int, datetime], spans: Iterable[Span]
) -> dict[HourKey, int]:
    chosen = {d for d in until if inputs.deployments[d].is_provisioned}
    ends = {d: min(until[d], inputs.deployments[d].gone_at or until[d]) for d in chosen}
    own = [span for span in spans if span.deployment_id in chosen]
    seen = {d: inputs.capacity[d] for d in chosen if d in inputs.capacity}
    return deployed_by_hour(seen, own, inputs.window, ends)
