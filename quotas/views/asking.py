"""Asking for a burst, a baseline, a longer burst, a transfer; and editing what was sent.

What differs between their pages; what they have in common is `ask_page`.
"""

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_http_methods

from portal.kernel.clock import now
from portal.kernel.windows import FOREVER, Window, floor_to_minute
from quotas.domain.states import RequestState
from quotas.forms import LARGEST
from quotas.forms_asking import AskForm
from quotas.forms_kinds import (
    MORE,
    BaselineForm,
    BurstForm,
    ExtensionForm,
    TransferForm,
    targets_of,
)
from quotas.models import CapacityRequest
from quotas.selectors import ask_forms, burst_form, words
from quotas.selectors.words import INPUT_FORMAT
from quotas.services.asking import Draft, Kind
from quotas.services.checks import check_asker, check_may_request
from quotas.services.edits import edit as edit_request
from quotas.services.granting import granted_until, held_at_end
from quotas.services.refusals import refuse
from quotas.views.ask_page import AskPage, serve
from quotas.views.requests import visible_request
from quotas.views.sources import Subject, asked_for, source_of


class PresetsPage(AskPage):
    """Amounts from own use, as buttons; `direction` of a form that asks for one."""

    direction = ""

    @cached_property
    def presets(self) -> list[burst_form.Preset]:
        facts = self.usual_facts
        return burst_form.presets(self.deployment, facts, direction=self.direction, at=now())

    @property
    def lacks(self) -> str:
        has_last = burst_form.last_burst(self.deployment, self.usual_facts, at=now())
        return "" if has_last else burst_form.NO_LAST_BURST


class BurstPage(PresetsPage):
    form_class = BurstForm
    word = "Burst"

    @property
    def heading(self) -> str:
        return f"Request a burst for {self.service.name}"

    @property
    def lead(self) -> str:
        return burst_form.holding_sentence(self.service, at=now())

    @property
    def said(self) -> str:
        return burst_form.sufficient_sentence(self.deployment, self.usual_facts, self._sufficient)

    @property
    def _sufficient(self) -> int:
        """Units that a page on throttling worked out, in the link to this form; 0 without."""
        text = self.request.GET.get("units", "")
        return min(int(text), LARGEST) if text.isdecimal() and text.isascii() else 0

    def first(self) -> dict[str, Any]:
        window = burst_form.next_working_hours(now(), get_current_timezone())
        amount = burst_form.first_amount(
            self.deployment, self.usual_facts, sufficient_units=self._sufficient
        )
        return {
            "amount": f"{amount:,}",
            "starts_at": window.start.strftime(INPUT_FORMAT),
            "ends_at": window.end.strftime(INPUT_FORMAT),
        }


class BaselinePage(PresetsPage):
    form_class = BaselineForm
    word = "Baseline"
    direction = MORE

    def usual_window(self) -> Window:
        return Window(floor_to_minute(now()), FOREVER)

    @property
    def heading(self) -> str:
        return f"Change the baseline of {self.service.name}"

    @property
    def lead(self) -> str:
        return ask_forms.use_sentence(self.deployment, self.usual_facts)

    def first(self) -> dict[str, Any]:
        return _from_now() | ask_forms.first_change(self.deployment, self.usual_facts)


class TransferPage(AskPage):
    form_class = TransferForm
    word = "Transfer"
    lead = (
        "What moves leaves the baseline here and holds there instead; the pool holds as much as "
        "before."
    )

    @property
    def heading(self) -> str:
        return f"Transfer capacity of {self.service.name}"

    def first(self) -> dict[str, Any]:
        return _from_now()


class OfRequestPage(AskPage):
    """About a request that is there already: `about`."""

    def __init__(
        self, request: HttpRequest, about: CapacityRequest, source: CapacityRequest | None = None
    ) -> None:
        super().__init__(request, Subject(about.service, about.deployment, source=source))
        self.about = about

    @property
    def trail(self) -> list[tuple[str, str]]:
        own = (f"#{self.about.pk}", self.about.get_absolute_url())
        return [("Requests", reverse("requests")), own, (self.word, "")]


class ExtensionPage(OfRequestPage):
    form_class = ExtensionForm
    word = "Extend"

    @property
    def needs(self) -> dict[str, Any]:
        return {**super().needs, "parent": self.about}

    @property
    def heading(self) -> str:
        return f"Extend request #{self.about.pk} of {self.service.name}"

    @property
    def lead(self) -> str:
        shown = words.amount(self.deployment, held_at_end(self.about))
        return (
            f"+{shown} end {words.moment(granted_until(self.about), now=now())}. An extension "
            "begins in that minute: nothing drops in between."
        )

    def first(self) -> dict[str, Any]:
        until = granted_until(self.about) or self.about.window.end
        end = until.astimezone(get_current_timezone()) + timedelta(days=1)
        return {"ends_at": end.strftime(INPUT_FORMAT), "purpose": self.about.purpose}


class EditPage(OfRequestPage):
    word = "Edit"
    may_keep = False
    lead = (
        "More units, or another minute, and everybody is asked again. Less, or a shorter window "
        "inside this one, and every yes that was given stands."
    )

    def __init__(self, request: HttpRequest, about: CapacityRequest) -> None:
        super().__init__(request, about)
        self.form_class = _FORMS[Kind(about.kind)]

    @property
    def needs(self) -> dict[str, Any]:
        parent = {"parent": self.about.parent} if self.about.parent else {}
        return {**super().needs, "edited": self.about, **parent}

    @property
    def heading(self) -> str:
        return f"Edit request #{self.about.pk}, {self.service.name}"

    def first(self) -> dict[str, Any]:
        return ask_forms.initial_of(self.about, at=now(), zone=get_current_timezone())

    def send(self, draft: Draft) -> CapacityRequest:
        return edit_request(self.about, draft, by=self.request.user, at=now())


_FORMS: dict[Kind, type[AskForm]] = {
    Kind.BURST: BurstForm,
    Kind.BASELINE: BaselineForm,
    Kind.EXTENSION: ExtensionForm,
    Kind.TRANSFER: TransferForm,
}


@require_http_methods(["GET", "HEAD", "POST"])
def burst(request: HttpRequest, slug: str) -> HttpResponse:
    return serve(BurstPage(request, asked_for(request, slug)))


@require_http_methods(["GET", "HEAD", "POST"])
def baseline(request: HttpRequest, slug: str) -> HttpResponse:
    return serve(BaselinePage(request, asked_for(request, slug)))


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: HttpRequest, slug: str) -> HttpResponse:
    about = asked_for(request, slug)
    if not targets_of(about.deployment, request.user).exists():
        raise refuse(
            "no_target",
            f"No other deployment of your services is fed by the pool of {about.deployment}, so "
            "nothing of it can move without the platform owners. Ask for a smaller baseline here "
            "and a larger one there.",
        )
    return serve(TransferPage(request, about))


@require_http_methods(["GET", "HEAD", "POST"])
def extend(request: HttpRequest, pk: int) -> HttpResponse:
    parent = visible_request(request, pk)
    check_may_request(request.user, parent.service)
    is_held = granted_until(parent) is not None and held_at_end(parent) > 0
    if parent.state != RequestState.APPROVED or not is_held:
        raise refuse("nothing_to_extend", f"Request #{pk} holds nothing that could last longer.")
    return serve(ExtensionPage(request, parent, source_of(request, parent.service)))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own open request again; the service says who is asked anew."""
    asked = visible_request(request, pk)
    if asked.kind not in _FORMS:
        raise refuse(
            "not_editable", "This cannot be edited. Withdraw it, and ask for what you need instead."
        )
    check_asker(asked, request.user)
    return serve(EditPage(request, asked))


def _from_now() -> dict[str, Any]:
    here = now().astimezone(get_current_timezone())
    return {"starts_now": True, "starts_at": here.strftime(INPUT_FORMAT)}
