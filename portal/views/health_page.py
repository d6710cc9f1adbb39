"""For people: do the jobs run, is the data there, what waits, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.access import must_read_everything
from portal.cloud.health import PlaneHealth, azure_health
from portal.kernel.clock import now
from portal.models import User
from portal.outbox.health import MailHealth, mail_health
from portal.views.history import HistoryPart, may_ask
from quotas.selectors.counts import counts_of
from quotas.selectors.stuck import Stuck, stuck_changes
from quotas.selectors.sync_health import SyncHealth, open_changes, sync_health
from quotas.selectors.watched import Watched, watch_lists, watched
from showback.forms import HistoryForm
from showback.selectors.data_age import slowest
from showback.selectors.history import history_progress
from showback.selectors.pipeline_health import (
    Completeness,
    SourceHealth,
    completeness,
    hours_to_sum,
    source_health,
)
from showback.selectors.scope import month_scope, running_month
from showback.selectors.unpriced import Unpriced, unpriced_lines

COMPLETE_FROM = 0.995
MOST_LISTED = 10  # subscriptions, and sources


class _Watched(Protocol):
    @property
    def is_well(self) -> bool: ...


W = TypeVar("W", bound=_Watched)


@dataclass(frozen=True)
class Listed(Generic[W]):
    """The first ten, those in trouble before the others; or every one."""

    everything: list[W]
    is_whole: bool = False

    @property
    def rows(self) -> list[W]:
        if self.is_whole:
            return self.everything
        return sorted(self.everything, key=lambda each: each.is_well)[:MOST_LISTED]

    @property
    def are_well(self) -> bool:
        return all(each.is_well for each in self.everything)

    @property
    def left_out(self) -> int:
        return len(self.everything) - len(self.rows)

    @property
    def wrong_left_out(self) -> int:
        """Of those that are left out, how many are in trouble."""
        wrong = sum(1 for each in self.everything if not each.is_well)
        return wrong - sum(1 for each in self.rows if not each.is_well)


@dataclass(frozen=True)
class Health:
    azure: list[PlaneHealth]
    syncs: Listed[SyncHealth]
    sources: Listed[SourceHealth]
    data_until: datetime | None
    completeness: Completeness
    history: HistoryPart
    hours_to_sum: int
    open_changes: int
    stuck: Stuck
    watched: Watched
    mail: MailHealth
    unpriced: list[Unpriced]

    @property
    def is_fetching(self) -> bool:
        return self.history.history.is_fetching

    @property
    def is_incomplete(self) -> bool:
        share = self.completeness.share
        return share is not None and share < COMPLETE_FROM

    @property
    def troubles(self) -> list[str]:
        """What somebody should look at, in few words; empty when all is well."""
        found = [
            (any(not plane.is_well for plane in self.azure), "how Azure answers"),
            (not self.syncs.are_well, "the inventory"),
            (
                any(not source.is_well for source in self.sources.everything),
                "the use that comes in",
            ),
            (bool(self.history.history.in_trouble), "history that could not be read"),
            (self.is_incomplete and not self.is_fetching, "gaps in the last 24 hours"),
            (bool(self.watched.late), "ends that are late"),
            (bool(self.watched.doubts), "starts or ends that may not come through"),
            (bool(self.stuck.total), "changes that do not go on"),
            (not self.mail.is_well, "mail that does not go out"),
            (bool(self.unpriced), "missing prices"),
        ]
        return [words for wrong, words in found if wrong]

    @property
    def trouble_words(self) -> str:
        """`a, b and c`."""
        *others, last = self.troubles or [""]
        return f"{', '.join(others)} and {last}" if others else last


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """The whole page, or for htmx only how far history is. Organisation-wide roles read it."""
    user, at = must_read_everything(request), now()
    if request.htmx:  # type: ignore[attr-defined]
        context: dict[str, object] = {"part": HistoryPart(history_progress(at=at))}
        return render(request, "portal/health/_histories.html", context)
    context = {"health": _health(user, lists_all="all" in request.GET, at=at)}
    if may_ask(user):
        context["history_form"] = HistoryForm()
    return render(request, "portal/health.html", context)


def _health(user: User, *, lists_all: bool, at: datetime) -> Health:
    month = month_scope(str(running_month(at=at)), at=at)
    sources = source_health(at=at)
    of_azure = [source.source for source in sources if not source.is_gateway]
    regions = sorted({source.rpartition("/")[2] for source in of_azure})
    counts = counts_of(user, open_changes=open_changes(), **watch_lists(at=at))
    return Health(
        azure=azure_health(
            settings.HEADROOM_SUBSCRIPTIONS,
            regions,
            with_logs=bool(settings.HEADROOM_LOG_WORKSPACES),
            at=at,
        ),
        syncs=Listed(sync_health(settings.HEADROOM_SUBSCRIPTIONS, at=at), lists_all),
        sources=Listed(sources, lists_all),
        data_until=slowest(source.until for source in sources if not source.is_gateway),
        completeness=completeness(sources, at=at),
        history=HistoryPart(history_progress(at=at)),
        hours_to_sum=hours_to_sum(),
        open_changes=counts["open_changes"],
        stuck=stuck_changes(user, at=at),
        watched=watched(user, counts, at=at),
        mail=mail_health(at=at),
        unpriced=unpriced_lines(month, Q()) if month else [],
    )
