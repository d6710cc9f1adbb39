"""The capacity calendar of a pool: what it holds over a window, by whom, within which bounds.

Read once, for the page, the API and the calendar file alike. The cost follows what touches the
window: entries, limits and requests outside of it are never read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.at_risk import Risk
from quotas.domain.calendar import Moment, moments
from quotas.models import CapacityRequest, Pool
from quotas.selectors.at_risk import PoolRisk, risks_of
from quotas.selectors.calendar_holders import Held, Holder, held_in, largest, names_of
from quotas.selectors.calendar_lines import lines_of
from quotas.selectors.calendar_models import Served, served_by
from quotas.selectors.cards import seen_services
from quotas.selectors.freezes import Clash, freezes_in

MOST_REQUESTS = 20  # in review, drawn; the first to start
ADDING = ("burst", "baseline", "extension")


@dataclass(frozen=True)
class Calendar:
    """`held` is what a picture has room for, bottom first; `moments` are exact, of everything.

    `names` are (name, slug) by holder. `asked` are requests in review that would add to the pool,
    as far as this person may see them. `risk` is of now, whatever the window.
    """

    pool: Pool
    window: Window
    held: Held
    names: Mapping[Holder, tuple[str, str]]
    moments: list[Moment]
    asked: list[CapacityRequest]
    freezes: list[Clash]
    served: Served
    risk: PoolRisk
    sees: set[int] | None
    at: datetime

    def risk_of(self, holder: Holder) -> Risk | None:
        found = self.risk.requests.get(holder.request_id or 0)
        return found if found and found.window.overlaps(self.window) else None

    def asked_window(self, request: CapacityRequest) -> Window:
        """As its entry would be written: from its lead before the start."""
        return Window(request.starts_at - self.pool.lead, request.window.end)

    @property
    def still_to_come(self) -> list[Moment]:
        """From now on, the present one first; all of them where the window is to come or over."""
        later = [each for each in self.moments if each.at > self.at]
        present = [each for each in self.moments if each.at <= self.at][-1:]
        return present + later if self.at in self.window else self.moments

    @property
    def tightest(self) -> Moment:
        """The earliest moment at which least is free, of what is still to come."""
        known = [each for each in self.still_to_come if each.free is not None]
        if not known:
            return max(self.still_to_come, key=lambda each: each.held)
        return min(known, key=lambda each: each.free or 0)

    @property
    def tightest_at(self) -> datetime:
        """What began before this moment, and goes on, is tightest now."""
        is_now = self.at in self.window and self.tightest.at <= self.at
        return self.at if is_now else self.tightest.at

    @property
    def is_over(self) -> bool:
        return self.window.end <= self.at


def calendar(
    pool: Pool, user: User, window: Window, *, at: datetime, is_whole: bool = False
) -> Calendar:
    """Ten queries at most. `is_whole`: nothing is put together that this person may see
    apart.
    """
    sees = seen_services(user)
    everything = held_in(pool, window, sees=sees)
    held = everything if is_whole else largest(everything, window)
    entries = [entry for each in everything.values() for entry in each]
    offered = {holder.request_id for holder in everything if holder.kind == "hold"}
    return Calendar(
        pool=pool,
        window=window,
        held=held,
        names=names_of(held),
        moments=moments(entries, lines_of(pool, window), window),
        asked=list(_asked(pool, user, window).exclude(pk__in=offered)[:MOST_REQUESTS]),
        freezes=freezes_in(pool, window),
        served=served_by(pool, window),
        risk=risks_of([pool.pk], at=at).get(pool.pk, PoolRisk()),
        sees=sees,
        at=at,
    )


def _asked(pool: Pool, user: User, window: Window) -> QuerySet[CapacityRequest]:
    """Of a transfer, what it would bring here from another pool. An offer that is held stands with
    what is held.
    """
    adds = Q(deployment__pool=pool, kind__in=ADDING, units__gt=0)
    comes = Q(to_deployment__pool=pool, kind="transfer") & ~Q(deployment__pool=pool)
    touches = Q(starts_at__lt=window.end + pool.lead) & (
        Q(ends_at__gt=window.start) | Q(ends_at=None)
    )
    rows = CapacityRequest.objects.visible_to(user).open().filter(adds | comes, touches)
    return rows.select_related("service").order_by("starts_at", "pk")
