"""An event in words: its facts put into the sentence of its kind, times in the reader's zone."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.kernel import formatting_times
from portal.models import Notice
from portal.outbox.kinds import KINDS, Event, Kind


@dataclass(frozen=True)
class Said:
    """`title` and `sentence` as plain text; `html_sentence` with the exact times on hover."""

    kind: Kind
    title: str
    sentence: str
    html_sentence: SafeString


def zone_of(name: str) -> ZoneInfo:
    """UTC for a name that no machine knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def said(notice: Notice, zone: tzinfo, *, now: datetime) -> Said:
    """The year is named where it is not that of `now`."""
    kind = KINDS[Event(notice.event)]
    facts = _shown(notice.facts, zone, now=now)
    return Said(
        kind=kind,
        title=_one_line(kind.title.format_map(facts)),
        sentence=_one_line(kind.sentence.format_map(facts)),
        html_sentence=format_html(kind.sentence, **facts),
    )


def _shown(facts: dict[str, Any], zone: tzinfo, *, now: datetime) -> dict[str, Any]:
    times = {
        name: datetime.fromisoformat(value)
        for name, value in facts.items()
        if name.endswith("_at") and value
    }
    shown = {n: formatting_times.moment(at, zone, now=now) for n, at in times.items()}
    if {"from_at", "until_at"} <= set(times):
        window = formatting_times.span(times["from_at"], times["until_at"], zone, now=now)
        shown["window"] = window
    return {**facts, **shown}


def _one_line(text: str) -> str:
    """Line breaks of what people typed have no place in a subject or a list."""
    return " ".join(text.split())
