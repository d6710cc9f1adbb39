"""Reads a ``metrics:getBatch`` request: window, interval, filter, resources.

Filter grammar: ``A eq 'x' or A eq 'y' and B eq '*'``; ``or`` joins values of one dimension only;
a quote in a value is doubled; round brackets are allowed. Names and values ignore case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulator.clock import SECONDS_PER_MINUTE, parse_time
from simulator.metrics_catalogue import Metric, find_metric
from simulator.web import ArmError, Call
from simulator.world import Account
from simulator.world_fields import region_of

_INTERVAL_MINUTES = {
    "PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30,
    "PT1H": 60, "PT6H": 360, "PT12H": 720, "P1D": 1440,
}  # fmt: skip
_DEFAULT_WINDOW_MINUTES = 60
_DEFAULT_TOP = 10
_MAXIMUM_RESOURCES = 50
_MAXIMUM_POINTS = 200_000  # more than the 93 days kept have minutes
_NAMESPACE = "microsoft.cognitiveservices/accounts"
_CONDITION = re.compile(r"\s*\(*\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*\)*\s*", re.IGNORECASE)
_JOINER = re.compile(r"(and|or)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Window:
    """Epoch minutes ``[first, end)``, whole buckets of ``grain`` minutes."""

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

    ``split`` maps a dimension (lower case) to the wanted values (lower case), None meaning all.
    """

    metrics: tuple[Metric, ...]
    aggregations: frozenset[str]
    window: Window
    start_text: str
    end_text: str
    interval: str
    split: dict[str, frozenset[str] | None]
    top: int | None
    order_by_total: str | None
    accounts: tuple[Account, ...]


def bad_request(message: str) -> ArmError:
    """Monitor's answer to a request it cannot use."""
    return ArmError(400, "BadRequest", message)


def read_query(call: Call) -> MetricsQuery:
    """The request, checked. Raises ArmError 400 with a sentence."""
    namespace = call.query("metricnamespace") or ""
    if namespace.lower() != _NAMESPACE:
        raise bad_request(f"The metric namespace '{namespace}' is not played here.")
    interval = call.query("interval") or "PT1M"
    grain = _INTERVAL_MINUTES.get(interval.upper())
    if grain is None:
        supported = ", ".join(_INTERVAL_MINUTES)
        raise bad_request(f"Invalid time grain '{interval}'. Supported ones are: {supported}.")
    split = read_filter(call.query("filter"))
    window, start_text, end_text = _window(call, grain)
    return MetricsQuery(
        metrics=_metrics(call.query("metricnames"), split),
        aggregations=frozenset(
            part.strip().lower() for part in (call.query("aggregation") or "").split(",") if part
        ),
        window=window,
        start_text=start_text,
        end_text=end_text,
        interval=interval,
        split=split,
        top=_top(call.query("top")) if split else None,
        order_by_total=_order(call.query("orderby")),
        accounts=_accounts(call),
    )


def read_filter(text: str | None) -> dict[str, frozenset[str] | None]:
    """Dimension → wanted values, None for ``*``. Raises ArmError 400 where the grammar ends."""
    split: dict[str, frozenset[str] | None] = {}
    position, joiner, previous = 0, "and", ""
    text = (text or "").strip()
    while position < len(text):
        match = _CONDITION.match(text, position)
        if match is None:
            raise bad_request(f"Invalid filter near '{text[position:]}'.")
        name, value = match[1].lower(), match[2].replace("''", "'").lower()
        if joiner == "or" and name != previous:
            raise bad_request("Invalid filter: 'or' may join values of one dimension only.")
        _add_condition(split, name, value)
        position, previous = match.end(), name
        if position < len(text):
            found = _JOINER.match(text, position)
            if found is None:
                raise bad_request(f"Invalid filter near '{text[position:]}'.")
            joiner, position = found[1].lower(), found.end()
    return split


def _add_condition(split: dict[str, frozenset[str] | None], name: str, value: str) -> None:
    known = split.get(name, frozenset())
    split[name] = None if value == "*" or known is None else known | {value}


def _metrics(names: str | None, split: dict[str, frozenset[str] | None]) -> tuple[Metric, ...]:
    metrics = []
    for name in (names or "").split(","):
        metric = find_metric(name.strip())
        if metric is None:
            raise bad_request(
                "Failed to find metric configuration for provider: Microsoft.CognitiveServices, "
                f"resource Type: accounts, metric: {name.strip()}."
            )
        unknown = [each for each in split if each not in metric.dimensions]
        if unknown:
            raise bad_request(
                f"Metric: {metric.name} does not support requested dimension combination: "
                f"{','.join(split)}, supported ones are: {','.join(metric.dimensions)}."
            )
        metrics.append(metric)
    return tuple(metrics)


def _window(call: Call, grain: int) -> tuple[Window, str, str]:
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
    grain_seconds = grain * SECONDS_PER_MINUTE
    window = Window(int(start // grain_seconds) * grain, int(end // grain_seconds) * grain, grain)
    if window.buckets > _MAXIMUM_POINTS:
        raise bad_request("The time span holds too many points for this time grain.")
    return window, start_text or "", end_text or ""


def _top(text: str | None) -> int:
    """``top`` counts only with a filter, and then its default is ten series per resource."""
    if text is None:
        return _DEFAULT_TOP
    if not text.isdigit() or int(text) == 0:
        raise bad_request(f"Invalid top '{text}'.")
    return int(text)


def _order(text: str | None) -> str | None:
    if text is None:
        return None
    direction = text.strip().lower().rpartition(" ")[2]
    return direction if direction in ("asc", "desc") else "asc"


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
