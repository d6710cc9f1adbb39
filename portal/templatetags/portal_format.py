"""How numbers, money and times look in templates: thin wrappers of `portal.kernel.formatting`.

A builtin library: no `{% load %}`. Selectors that fill long tables call the same functions in
Python and hand over ready values, which costs a thirtieth of a filter for each cell.
"""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone

from portal.kernel import clock, formatting, formatting_times
from portal.kernel.received import Received
from portal.kernel.shown import Shown

register = template.Library()

for _name in ("count", "compact", "tokens", "tpm", "rpm", "units", "percent", "missing"):
    register.filter(_name, getattr(formatting, _name))
register.filter("duration", formatting_times.duration)


@register.filter
def noun_for(plural: str, number: int) -> str:
    """`{{ "deployments"|noun_for:total }}` → `deployment` for one."""
    return formatting.noun_for(plural, number)


@register.filter
def money(amount: formatting.Number | None) -> Shown:
    return formatting.money(amount, settings.HEADROOM_CURRENCY)


@register.filter
def money_cents(amount: formatting.Number | None) -> Shown:
    return formatting.money_cents(amount, settings.HEADROOM_CURRENCY)


@register.filter
def money_change(difference: formatting.Number | None) -> Shown:
    return formatting.money_change(difference, settings.HEADROOM_CURRENCY)


@register.filter
def change_from(now: formatting.Number | None, before: formatting.Number | None) -> Shown:
    """`{{ this_month|change_from:last_month }}` → `▲ +12 % more`."""
    return formatting.change(now, before)


@register.filter
def at_least(shown: Shown, received: Received) -> Shown:
    """`{{ tokens|tokens|at_least:use.received }}` → `≥ 1.2M` where minutes are missing."""
    return received.at_least(shown)


@register.filter
def moment(at: datetime | None) -> Shown:
    return formatting_times.moment(at, timezone.get_current_timezone(), now=clock.now())


@register.filter
def day(at: datetime | None) -> Shown:
    return formatting_times.day(at, timezone.get_current_timezone(), now=clock.now())


@register.filter
def month(at: datetime | None) -> Shown:
    return formatting_times.month(at, timezone.get_current_timezone())


@register.filter
def until(start: datetime | None, end: datetime | None) -> Shown:
    """`{{ entry.starts_at|until:entry.ends_at }}` → `Fri 14 Nov, 09:00–18:00`."""
    return formatting_times.span(start, end, timezone.get_current_timezone(), now=clock.now())


@register.filter
def age(at: datetime | None) -> Shown:
    return formatting_times.age(at, clock.now(), timezone.get_current_timezone())


@register.filter
def text(value: Any) -> str:
    """The short text alone, for use inside an attribute: `title="{{ cost|money|text }}"`."""
    return str.__str__(value) if isinstance(value, str) else str(value)


@register.filter
def or_dash(value: Any) -> Any:
    """Anything that is missing (None or empty, not nought) as "–"."""
    return formatting.not_known() if value is None or value == "" else value


@register.filter
def per_cent_width(fraction: formatting.Number | None) -> str:
    """A fraction as an SVG length between 0 and 100 %: `61.2%`. Not known is 0."""
    return f"{min(max(float(fraction or 0), 0.0), 1.0) * 100:.1f}%"


@register.filter
def initials(name: str) -> str:
    """`Ada Lovelace` → `AL`; at most two letters."""
    words = [word for word in str(name).split() if word[:1].isalnum()]
    return "".join(word[0] for word in ([words[0], words[-1]] if len(words) > 1 else words)).upper()


@register.filter
def seconds(length: timedelta) -> int:
    return round(length.total_seconds())
