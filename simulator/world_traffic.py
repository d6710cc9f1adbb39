"""Reads the ``traffic`` part of a deployment in a world file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from simulator.clock import iso, parse_time
from simulator.profiles import PROFILES
from simulator.world import Callers, Event, Level, ProfileTraffic, TraceTraffic, Traffic

_SHARES = (
    "stream_share", "priority_share", "bad_request_share", "server_error_share", "burstiness",
)  # fmt: skip
_FACTORS = {"max_tokens_factor": (1.0, 100.0), "retry_factor": (1.0, 4.0)}

NO_TRAFFIC = ProfileTraffic(Level("none"), 0.0, 1000.0, 200.0)


class TrafficFile(Exception):
    """A trace is named that is not at hand and has no fallback."""


def read_traffic(raw: dict[str, Any], has_file: Callable[[str], bool]) -> Traffic:
    """The traffic described by ``raw``; the fallback when its trace file is not at hand.

    Raises ValueError or TrafficFile with a sentence.
    """
    kind = raw.get("kind")
    if kind == "profile":
        return _profile(raw)
    if kind != "trace":
        raise ValueError(f"kind is {kind!r}; choose profile or trace.")
    file = str(raw.get("file", ""))
    if has_file(file):
        return _trace(raw, file)
    if "fallback" not in raw:
        raise TrafficFile(
            f"the trace file {file!r} is not in the --traces folder and has no fallback."
        )
    return read_traffic(raw["fallback"], has_file)


def traffic_json(traffic: Traffic) -> dict[str, Any]:
    """The inverse of :func:`read_traffic`, for a trace file at hand."""
    level = traffic.level
    row: dict[str, Any] = {
        "profile": level.profile,
        "growth_per_month": level.growth_per_month,
        "events": [
            {"from": iso(each.start), "until": iso(each.end), "factor": each.factor}
            for each in level.events
        ],
        "cache_match_percent": traffic.cache_match_percent,
        **asdict(traffic.callers),
    }
    if isinstance(traffic, ProfileTraffic):
        names = ("peak_requests_per_minute", "prompt_tokens", "generated_tokens")
        if traffic.neighbour is not None:
            row["neighbour"] = traffic_json(traffic.neighbour)
        return row | {"kind": "profile"} | {name: getattr(traffic, name) for name in names}
    row |= {"kind": "trace", "file": traffic.file, "scale": traffic.scale}
    return row | ({"start": iso(traffic.start)} if traffic.start else {})


def _profile(raw: dict[str, Any]) -> ProfileTraffic:
    level = _level(raw)
    return ProfileTraffic(
        level=level,
        peak_requests_per_minute=_number(raw, "peak_requests_per_minute", 0.0),
        prompt_tokens=_number(raw, "prompt_tokens", 1000.0),
        generated_tokens=_number(raw, "generated_tokens", 200.0),
        cache_match_percent=_percent(raw),
        callers=_callers(raw),
        neighbour=_neighbour(raw),
    )


def _neighbour(raw: dict[str, Any]) -> ProfileTraffic | None:
    """Somebody else on the same deployment; profile traffic, since requests are mixed evenly."""
    described = raw.get("neighbour")
    if described is None:
        return None
    if not isinstance(described, dict) or described.get("kind", "profile") != "profile":
        raise ValueError("neighbour: expected traffic of kind profile.")
    if "neighbour" in described:
        raise ValueError("neighbour: a neighbour has no neighbour of its own.")
    return _profile(described)


def _callers(raw: dict[str, Any]) -> Callers:
    values: dict[str, Any] = {name: _within(raw, name, 0.0, 1.0) for name in _SHARES if name in raw}
    for name, (least, most) in _FACTORS.items():
        if name in raw:
            values[name] = _within(raw, name, least, most)
    if "request_slices" in raw:
        if not isinstance(raw["request_slices"], bool):
            raise ValueError(f"request_slices is true or false, got {raw['request_slices']!r}.")
        values["request_slices"] = raw["request_slices"]
    if "api_name" in raw:
        values["api_name"] = str(raw["api_name"])
    callers = Callers(**values)
    if callers.bad_request_share + callers.server_error_share > 1:
        raise ValueError("bad_request_share and server_error_share are more than 1 together.")
    return callers


def _within(raw: dict[str, Any], key: str, least: float, most: float) -> float:
    value = _number(raw, key, least)
    if not least <= value <= most:
        raise ValueError(f"{key} must lie between {least:g} and {most:g}, got {value:g}.")
    return value


def _trace(raw: dict[str, Any], file: str) -> TraceTraffic:
    if "neighbour" in raw:
        raise ValueError("neighbour: only traffic of kind profile is shared with a neighbour.")
    start = parse_time(raw["start"]) if raw.get("start") else None
    if start is not None and (start.second or start.microsecond):
        raise ValueError("start must be a whole minute.")
    return TraceTraffic(
        file=file,
        start=start,
        level=_level({"profile": "steady", **raw}),
        scale=_number(raw, "scale", 1.0),
        cache_match_percent=_percent(raw),
        callers=_callers(raw),
    )


def _level(raw: dict[str, Any]) -> Level:
    profile = raw.get("profile", "none")
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; choose one of {', '.join(PROFILES)}.")
    growth = raw.get("growth_per_month", 0.0)
    if not isinstance(growth, int | float) or not -0.9 <= growth <= 2:
        raise ValueError(f"growth_per_month must lie between -0.9 and 2, got {growth!r}.")
    return Level(profile, float(growth), tuple(_event(each) for each in raw.get("events", [])))


def _event(raw: dict[str, Any]) -> Event:
    if not {"from", "until"} <= raw.keys():
        raise ValueError("an event needs from and until.")
    event = Event(parse_time(raw["from"]), parse_time(raw["until"]), _number(raw, "factor", 1.0))
    if event.end <= event.start:
        raise ValueError("an event must end after it starts.")
    return event


def _number(raw: dict[str, Any], key: str, default: float) -> float:
    value = raw.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1e9:
        raise ValueError(f"{key} must be a number from 0, got {value!r}.")
    return float(value)


def _percent(raw: dict[str, Any]) -> float:
    percent = _number(raw, "cache_match_percent", 0.0)
    if percent > 100:
        raise ValueError(f"cache_match_percent must lie between 0 and 100, got {percent}.")
    return percent
