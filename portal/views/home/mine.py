"""The part of somebody in a team: their services, what they use of what they hold, what it costs.

What a service holds and asked for comes from quotas, what it used and cost from showback.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.kernel import formatting
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from portal.kernel.sparkline import Sparkline
from portal.models import User
from quotas.selectors.metering import names_of
from quotas.selectors.own_services import OwnService, own_services
from quotas.selectors.requests import RequestRow
from showback.selectors.service_cards import ServiceCard, cards_of

# From this share of what is held on, a service has little room left.
NEARLY_FULL = 0.9


@dataclass(frozen=True)
class MyService:
    """One line of the table. Its numbers may be unknown: then "–", never a nought."""

    own: OwnService
    card: ServiceCard

    @property
    def name(self) -> str:
        return self.own.service.name

    @property
    def url(self) -> str:
        return self.own.service.get_absolute_url()

    @property
    def throttling_url(self) -> str:
        return f"{reverse('throttling', args=[self.own.service.slug])}?period=24h"

    @property
    def used(self) -> float | None:
        return self.card.used_of_held

    @property
    def used_label(self) -> Shown:
        return formatting.percent(self.used)

    @property
    def peak(self) -> Shown:
        return self.card.received_24_hours.at_least(formatting.tpm(self.card.peak_24_hours))

    @property
    def refused(self) -> Shown:
        minutes = formatting.count(self.card.throttled_minutes_today)
        return self.card.received_today.at_least(minutes)

    @property
    def cost(self) -> Shown:
        amount = formatting.money(self.card.month_to_date, settings.HEADROOM_CURRENCY)
        return self.card.received_this_month.at_least(amount)

    @property
    def sparkline(self) -> Sparkline:
        return self.card.sparkline

    @property
    def is_incomplete(self) -> bool:
        """Whether minutes of today are missing that were due."""
        return self.card.received_today.is_incomplete


@dataclass(frozen=True)
class MyServices:
    rows: list[MyService]
    open: list[RequestRow]
    may_request: list[OwnService]
    is_in_a_team: bool
    teams: list[str] = field(default_factory=list)

    @property
    def cost(self) -> Shown:
        known = [row.card.month_to_date for row in self.rows if row.card.month_to_date is not None]
        total = sum(known, Decimal(0)) if known else None
        amount = formatting.money(total, settings.HEADROOM_CURRENCY)
        return self.received.at_least(amount)

    @property
    def received(self) -> Received:
        """Of the minutes behind the cost of the month."""
        return sum((row.card.received_this_month for row in self.rows), Received())

    @property
    def knows_cost(self) -> bool:
        return any(row.card.month_to_date is not None for row in self.rows)

    @property
    def answer(self) -> SafeString:
        """Trouble first, then what is going on, then that all is well."""
        if not self.rows:
            return SafeString()
        return _refused(self.rows) or _nearly_full(self.rows) or _room(self.rows)


def my_services(user: User, *, at: datetime) -> MyServices:
    found = own_services(user, at=at)
    names = names_of(own.service for own in found.services)
    cards = {card.service.id: card for card in cards_of(names, at=at)}
    return MyServices(
        rows=[MyService(own, cards[own.service.pk]) for own in found.services],
        open=found.open,
        may_request=found.may_request,
        is_in_a_team=found.is_in_a_team,
        teams=sorted({own.service.team.name for own in found.services}),
    )


def _refused(rows: list[MyService]) -> SafeString | None:
    hit = [row for row in rows if row.card.throttled_minutes_today]
    if not hit:
        return None
    worst = max(hit, key=lambda row: row.card.throttled_minutes_today or 0)
    minutes = worst.card.throttled_minutes_today
    return format_html(
        "<strong>{}</strong> met refusals (429) in <strong>{}</strong> {} today{}.",
        worst.name,
        formatting.count(minutes),
        "minute" if minutes == 1 else "minutes",
        _others(len(rows), len(hit)),
    )


def _others(services: int, hit: int) -> str:
    if hit > 1:
        return f", and {hit - 1} more of your {services} services did"
    return "; your other services had room" if services > 1 else ""


def _nearly_full(rows: list[MyService]) -> SafeString | None:
    busiest = _busiest(rows)
    if busiest is None or (busiest.used or 0) < NEARLY_FULL:
        return None
    return format_html(
        "<strong>{}</strong> uses <strong>{}</strong> of what it holds just now; nothing was "
        "refused today.",
        busiest.name,
        busiest.used_label,
    )


def _room(rows: list[MyService]) -> SafeString:
    busiest = _busiest(rows)
    if busiest is None:
        return format_html(
            "You have <strong>{}</strong> {}; no use of the last minutes is known.",
            len(rows),
            "service" if len(rows) == 1 else "services",
        )
    who = "Your service has room" if len(rows) == 1 else f"All your {len(rows)} services have room"
    return format_html(
        "{}: {} uses <strong>{}</strong> of what it holds.",
        who,
        format_html("{}", busiest.name)
        if len(rows) == 1
        else format_html("the busiest, <strong>{}</strong>,", busiest.name),
        busiest.used_label,
    )


def _busiest(rows: list[MyService]) -> MyService | None:
    known = [row for row in rows if row.used is not None]
    return max(known, key=lambda row: row.used or 0, default=None)
