"""What people type, turned into what services take. Rules stay in the services."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.policy import Policy
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors.amounts import Asked, units_of
from quotas.selectors.verdict import INPUT_FORMAT
from quotas.selectors.words import amount_word
from quotas.services.asking import Draft
from quotas.services.checks import check_amount, check_window

AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([km]?)", re.IGNORECASE)
SCALE = {"": 1, "k": 1_000, "m": 1_000_000}
LARGEST = 2_000_000_000  # what the ledger's column holds
EARLIEST_YEAR, LATEST_YEAR = 2000, 9998  # the ends of the calendar do not convert to UTC
# Which field a refusal of the service belongs to; others stand at the top of the form.
FIELD_OF = {
    "ends_before_start": "ends_at",
    "in_the_past": "ends_at",
    "too_long": "ends_at",
    "start_in_the_past": "starts_at",
    "nothing_asked": "amount",
    "absurd_amount": "amount",
    "wrong_step": "amount",
    "pool_exhausted": "amount",
    "purpose_missing": "purpose",
    "occasion_unknown": "occasion",
    "release_not_agreed": "accepts_provisioned_release",
}


class AmountField(forms.IntegerField):
    """A whole number as people write it: 80000, 80,000, 80 000, 80k or 1.5M."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> int | None:
        text = re.sub(r"[,\s_'’]", "", str(value or ""))
        if not text:
            return None
        found = AMOUNT.fullmatch(text)
        if found is None:
            raise ValidationError("Write a whole number, such as 80,000 or 80k.")
        number = float(found[1]) * SCALE[found[2].lower()]
        if number != int(number) or number > LARGEST:
            raise ValidationError("Write a whole number that a pool could hold.")
        return int(number)


class MomentField(forms.DateTimeField):
    """A date and a time of a year that every time zone can tell."""

    def to_python(self, value: Any) -> datetime | None:
        moment: datetime | None = super().to_python(value)
        if moment and not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


def moment_field(label: str, sentence: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=INPUT_FORMAT)
    errors = {"required": sentence, "invalid": "Write a date and a time, such as 2026-03-14 09:00."}
    return MomentField(label=label, widget=widget, error_messages=errors)


class WindowForm(forms.Form):
    """How much and when: enough for a verdict. `service` and `deployment` come from the page."""

    amount = AmountField(
        label="How much more",
        error_messages={"required": "Say how much more you need."},
    )
    requests_per_minute = AmountField(label="And requests a minute", required=False)
    starts_at = moment_field("From", "Say when it starts, or tick “start now”.")
    starts_now = forms.BooleanField(label="Start now", required=False)
    ends_at = moment_field("Until", "Say when it ends.")
    # A verdict does not wait for the yes to the end; a request does.
    only_judged = True

    def __init__(self, *args: Any, service: Service, deployment: Deployment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.service, self.deployment = service, deployment
        self.unit = amount_word(deployment)
        if self.unit != "TPM" or not deployment.requests_per_minute_per_unit:
            del self.fields["requests_per_minute"]
        if self.data.get("starts_now"):
            self.fields["starts_at"].required = False

    @property
    def asked(self) -> Asked:
        """What was typed as the amount; nothing where it could not be read."""
        data = self.cleaned_data
        return Asked(data.get("amount") or 0, data.get("requests_per_minute") or 0)

    def draft(self, *, at: datetime) -> Draft:
        """What the service takes; what is missing is empty, so send it only when all is clean."""
        data = self.cleaned_data
        return Draft(
            service=self.service,
            deployment=self.deployment,
            units=units_of(self.deployment, self.asked),
            starts_at=data.get("starts_at") or at,
            ends_at=data.get("ends_at") or at,
            occasion=data.get("occasion", ""),
            purpose=data.get("purpose", ""),
            accepts_provisioned_release=data.get("accepts_provisioned_release", self.only_judged),
            starts_now=data["starts_now"],
        )

    def check(self, rules: Policy, *, at: datetime) -> bool:
        """The service's own rules on window and amount, all of them at once, beside the fields."""
        self.full_clean()
        known, draft = self.cleaned_data.keys(), self.draft(at=at)
        if {"starts_at", "ends_at"} <= known:
            self._try(lambda: check_window(draft, rules, at))
        if "amount" in known:
            self._try(lambda: check_amount(draft))
        return not self.errors

    def _try(self, rule: Callable[[], object]) -> None:
        try:
            rule()
        except DomainError as error:
            self.refuse(error)

    def refuse(self, error: DomainError) -> None:
        """Puts a refusal beside the field that it is about."""
        field = FIELD_OF.get(error.code)
        self.add_error(field if field in self.fields else None, error.sentence)


class BurstForm(WindowForm):
    """The whole request. A provisioned burst asks for the yes to its own end as well."""

    only_judged = False
    occasion = forms.ChoiceField(
        choices=CapacityRequest.Occasion.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what the occasion is.",
            "invalid_choice": "Choose one of the listed occasions.",
        },
    )
    purpose = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What it is for, in one or two sentences; whoever approves it reads them.",
        error_messages={"required": "Say what the burst is for; the approver reads it."},
    )
    accepts_provisioned_release = forms.BooleanField(
        label="I agree that this capacity is given back at the end",
        help_text="Azure does not promise provisioned capacity a second time.",
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.deployment.is_provisioned:
            del self.fields["accepts_provisioned_release"]


class NoteForm(forms.Form):
    """A reason or a note. Whether it may be empty is the service's to say."""

    note = forms.CharField(required=False, max_length=1_000)


class MapForm(forms.Form):
    """Gives a deployment to a service that this person may see."""

    service = forms.ModelChoiceField(
        Service.objects.none(), error_messages={"required": "Choose the service it belongs to."}
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["service"].queryset = Service.objects.visible_to(user)  # type: ignore[attr-defined]
