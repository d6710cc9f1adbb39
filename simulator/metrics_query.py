"""Reads a ``metrics:getBatch`` request: window, interval, metrics, order, resources."""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulator.clock import SECONDS_PER_MINUTE, parse_time
from simulator.metrics_catalogue import Metric, find_metric
from simulator.metrics_filter import Split, bad_request, read_filter
from simulator.web import ArmError, Call
from simulator.world import Account
from simulator.world_fields import region_of

_GRAINS = {
    1: "PT1M", 5: "PT5M", 15: "PT15M", 30: "PT30M",
    60: "PT1H", 360: "PT6H", 720: "PT12H", 1440: "P1D",
}  # fmt: skip
_FULL = "FULL"
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_ORDER = re.compile(r"(total|sum|average|minimum|maximum)(?: +(asc|desc))?")
_AGGREGATIONS = ("total", "average", "minimum", "maximum", "count", "none")
_DEFAULT_WINDOW_MINUTES = 60
_DEFAULT_TOP = 10
_MAXIMUM_RESOURCES = 50
_MAXIMUM_POINTS = 200_000  # more than the 93 days kept have minutes
_NAMESPACE = "microsoft.cognitiveservices/accounts"


@dataclass(frozen=True)
class Window:
    """Epoch minutes ``[first, end)``, whole buckets of ``grain`` minutes (at least one)."""

    first: int
    end: int
    grain: int

    @property
    def buckets(self) -> int:
        """How many points a series has."""
        return (self.end - self.first) // self.grain


@dataclass(frozen=True)
class MetricsQuery:
    """A checked request.

    ``split`` maps a dimension (lower case) to the wanted values (lower case), None meaning all;
    ``rolled_up`` are those of them that are filtered by but not told apart. ``order`` is an
    aggregation and whether the largest come first.
    """

    metrics: tuple[Metric, ...]
    aggregations: frozenset[str]
    window: Window
    start_text: str
    end_text: str
    interval: str
    split: Split
    rolled_up: frozenset[str]
    top: int | None
    order: tuple[str, bool] | None
    accounts: tuple[Account, ...]

    @property
    def wants_extremes(self) -> bool:
        """Whether least and greatest values are answered or ordered by."""
        ordered = set() if self.order is None else {self.order[0]}
        return bool((self.aggregations | ordered) & {"minimum", "maximum"})


def read_query(call: Call) -> MetricsQuery:
    """The request, checked. Raises ArmError 400 with a sentence."""
    namespace = call.query("metricnamespace") or ""
    if namespace.lower() != _NAMESPACE:
        raise bad_request(f"The metric namespace '{namespace}' is not played here.")
    interval = call.query("interval") or "PT1M"
    split = read_filter(call.query("filter"))
    rolled_up = frozenset(_names(call.query("rollupby")))
    aggregations = _aggregations(call.query("aggregation"))
    window, start_text, end_text = _window(call, _grain(interval))
    return MetricsQuery(
        metrics=_metrics(call.query("metricnames"), [*split, *rolled_up], aggregations),
        aggregations=aggregations,
        window=window,
        start_text=start_text,
        end_text=end_text,
        interval=interval,
        split=split,
        rolled_up=rolled_up,
        top=_top(call.query("top")) if split else None,
        order=_order(call.query("orderby")),
        accounts=_accounts(call),
    )


def _names(text: str | None) -> list[str]:
    return [part.strip().lower() for part in (text or "").split(",") if part.strip()]


def _grain(interval: str) -> int | None:
    """Minutes of a supported time grain, however the duration is written; None for FULL."""
    if interval.upper() == _FULL:
        return None
    match = _DURATION.fullmatch(interval.upper())
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    grain = days * 1440 + hours * 60 + minutes
    if grain not in _GRAINS:
        supported = ", ".join([*_GRAINS.values(), _FULL])
        raise bad_request(f"Invalid time grain '{interval}'. Supported ones are: {supported}.")
    return grain


def _aggregations(text: str | None) -> frozenset[str]:
    """Those asked for; empty means each metric's own."""
    names = frozenset(_names(text))
    unknown = names - set(_AGGREGATIONS)
    if unknown:
        raise bad_request(f"Invalid aggregation type '{min(unknown)}'.")
    return names - {"none"}


def _metrics(
    names: str | None, dimensions: list[str], aggregations: frozenset[str]
) -> tuple[Metric, ...]:
    metrics = []
    for name in dict.fromkeys((names or "").split(",")):
        metric = find_metric(name.strip())
        if metric is None:
            raise bad_request(
                "Failed to find metric configuration for provider: Microsoft.CognitiveServices, "
                f"resource Type: accounts, metric: {name.strip()}."
            )
        if any(each not in metric.dimensions for each in dimensions):
            raise bad_request(
                f"Metric: {metric.name} does not support requested dimension combination: "
                f"{','.join(dimensions)}, supported ones are: {','.join(metric.dimensions)}."
            )
        unsupported = aggregations - set(metric.aggregations)
        if unsupported:
            raise bad_request(
                f"Metric: {metric.name} does not support requested aggregation type: "
                f"{min(unsupported)}, supported ones are: {','.join(metric.aggregations)}."
            )
        metrics.append(metric)
    return tuple(dict.fromkeys(metrics))


def _window(call: Call, grain: int | None) -> tuple[Window, str, str]:
    """Cut to whole grains; FULL is one bucket of all whole minutes."""
    start_text, end_text = call.query("starttime"), call.query("endtime")
    now = call.state.clock.now().timestamp()
    try:
        end = parse_time(end_text).timestamp() if end_text else now
        default_start = end - _DEFAULT_WINDOW_MINUTES * SECONDS_PER_MINUTE
        start = parse_time(start_text).timestamp() if start_text else default_start
    except ValueError as problem:
        raise bad_request(str(problem)) from None
    if end_text and not start_text:
        raise bad_request("The start time is required when an end time is given.")
    if start > end:
        raise bad_request("The start time cannot be later than the end time.")
    unit = grain or 1
    first, last = (int(at // (unit * SECONDS_PER_MINUTE)) * unit for at in (start, end))
    window = Window(first, last, grain or max(last - first, 1))
    if window.end - window.first > _MAXIMUM_POINTS * unit:
        raise bad_request("The time span holds too many points for this time grain.")
    return window, start_text or "", end_text or ""


def _top(text: str | None) -> int:
    """``top`` counts only with a filter, and then its default is ten series per resource."""
    if text is None:
        return _DEFAULT_TOP
    if not text.isdigit() or int(text) == 0:
        raise bad_request(f"Invalid top '{text}'.")
    return int(text)


def _order(text: str | None) -> tuple[str, bool] | None:
    if not text:
        return None
    match = _ORDER.fullmatch(text.strip().lower())
    if match is None:
        raise bad_request(f"Invalid orderby '{text}': say an aggregation, then asc or desc.")
    return match[1].replace("sum", "total"), match[2] == "desc"


def _accounts(call: Call) -> tuple[Account, ...]:
    wanted = call.json().get("resourceids")
    if not isinstance(wanted, list) or not wanted:
        raise bad_request("The body must name at least one resource in 'resourceids'.")
    unique = {str(each).lower() for each in wanted}
    if len(unique) > _MAXIMUM_RESOURCES:
        raise bad_request(
            f"The number of resource ids {len(unique)} is above the maximum {_MAXIMUM_RESOURCES}."
        )
    return tuple(_account(call, str(each)) for each in dict.fromkeys(wanted))


def _account(call: Call, resource_id: str) -> Account:
    account = call.state.account(resource_id)
    if account is None:
        raise ArmError(404, "ResourceNotFound", f"The resource '{resource_id}' was not found.")
    if account.subscription.lower() != call.path["subscription"].lower():
        raise bad_request("All resources must belong to the subscription of the request.")
    region = region_of(call.path["region"])
    if account.region != region:
        raise bad_request(
            f"The resource '{resource_id}' is in '{account.region}', not in '{region}': ask the "
            "endpoint of its own region."
        )
    return account
