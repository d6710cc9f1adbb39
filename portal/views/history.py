"""History on the health page: how far its fetching is, and the door that asks for more of it."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from portal.access import must_read_everything
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.models import Role, User
from showback.forms import HistoryForm
from showback.selectors.history import AccountHistory, History, HistoryProgress
from showback.services.backfill import Asked, ask_for_history

LABELS = {"minute": "Minute by minute", "hour": "The months before, hour by hour"}
MOST_ACCOUNTS = 20


@dataclass(frozen=True)
class Bar:
    """One progress bar."""

    progress: HistoryProgress

    @property
    def id(self) -> str:
        return f"history-{self.progress.grain}"

    @property
    def label(self) -> str:
        return LABELS[self.progress.grain]


@dataclass(frozen=True)
class HistoryPart:
    """Of the page; it is asked for again every few seconds while something can be fetched."""

    history: History

    @property
    def bars(self) -> list[Bar]:
        return [Bar(progress) for progress in self.history.grains]

    @property
    def accounts(self) -> list[AccountHistory]:
        return self.history.accounts[:MOST_ACCOUNTS]

    @property
    def accounts_left_out(self) -> int:
        return max(0, len(self.history.accounts) - MOST_ACCOUNTS)

    @property
    def asked_again_after_seconds(self) -> int:
        return 30 if self.history.only_waits else 4


def may_ask(user: User) -> bool:
    """It costs calls to Azure and touches figures of every team."""
    return user.is_platform_owner or Role.ADMIN in user.roles


@require_POST
def fetch_history(request: HttpRequest) -> HttpResponse:
    """The last days of minutes, of every account: planned now, fetched by the worker."""
    user = must_read_everything(request)
    if not may_ask(user):
        raise DomainError(
            "Only a platform owner or an administrator asks for history. Nothing was asked for.",
            code="may_not_ask_for_history",
        )
    form = HistoryForm(request.POST)
    if not form.is_valid():
        sentence = str(next(iter(form.errors.values()))[0])
        raise DomainError(f"{sentence} Nothing was asked for.", code="no_such_days")
    days = form.cleaned_data["days"]
    asked = ask_for_history(days, again=form.cleaned_data["again"], by=user, at=now())
    messages.success(request, _words(days, asked))
    return redirect("health")


def _words(days: int, asked: Asked) -> str:
    if asked.added:
        return f"The last {days} days are being fetched, newest first; {asked.to_do:,} pieces."
    if asked.to_do:
        return f"The last {days} days are being fetched already; {asked.to_do:,} pieces are left."
    return f"The last {days} days are there already: nothing to fetch."
