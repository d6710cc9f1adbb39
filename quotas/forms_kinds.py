"""The form of each kind of request: a burst, a lasting baseline, a longer burst, a transfer."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet

from portal.models import User
from quotas.forms import AmountField, MomentField, moment_field
from quotas.forms_asking import AskForm
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors.amounts import Asked, typed
from quotas.selectors.words import INPUT_FORMAT
from quotas.services.asking import Draft, Kind
from quotas.services.granting import held_at_end

MORE, LESS = "more", "less"


def _purpose(label: str | None = None) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What it is for, in one or two sentences; whoever approves it reads them.",
        error_messages={"required": "Say what it is for; the approver reads it."},
    )


def _release() -> forms.BooleanField:
    return forms.BooleanField(
        label="I agree that this capacity is given back at the end",
        help_text="Azure does not promise provisioned capacity a second time.",
        required=False,
    )


class BurstForm(AskForm):
    """More for a bounded time. A provisioned one asks for the yes to its own end as well."""

    kind = Kind.BURST
    amount = AmountField(
        label="How much more",
        error_messages={"required": "Say how much more you need."},
    )
    requests_per_minute = AmountField(label="And requests a minute", required=False)
    starts_at = moment_field("From", "Say when it starts, or tick “start now”.")
    starts_now = forms.BooleanField(label="Start now", required=False)
    ends_at = moment_field("Until", "Say when it ends.")
    occasion = forms.ChoiceField(
        choices=CapacityRequest.Occasion.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what the occasion is.",
            "invalid_choice": "Choose one of the listed occasions.",
        },
    )
    purpose = _purpose()
    accepts_provisioned_release = _release()


class BaselineForm(AskForm):
    """A lasting change: more, which is judged, or less, which is always granted."""

    kind = Kind.BASELINE
    direction = forms.ChoiceField(
        label="The baseline is to be",
        choices=[(MORE, "higher"), (LESS, "lower: that much is given back")],
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it is to be higher or lower."},
    )
    amount = AmountField(label="By", error_messages={"required": "Say by how much."})
    requests_per_minute = AmountField(label="And requests a minute", required=False)
    starts_at = moment_field("From", "Say from when on, or tick “from now on”.")
    starts_now = forms.BooleanField(label="From now on", required=False)
    purpose = _purpose("What has changed")

    def draft(self, *, at: datetime) -> Draft:
        found = super().draft(at=at)
        lower = self.cleaned_data.get("direction") == LESS
        return replace(found, units=-found.units) if lower else found


class ExtensionForm(AskForm):
    """The same amount for longer: from the minute at which the grant ends, without a gap."""

    kind = Kind.EXTENSION
    ends_at = moment_field("Until", "Say when it ends.")
    purpose = _purpose("Why it is needed for longer")
    accepts_provisioned_release = _release()

    def __init__(self, *args: Any, parent: CapacityRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parent = parent

    @property
    def asked(self) -> Asked:
        return Asked(typed(self.deployment, held_at_end(self.parent)))

    def draft(self, *, at: datetime) -> Draft:
        return replace(super().draft(at=at), parent=self.parent)


class TransferForm(AskForm):
    """Part of one's own baseline to another own deployment of the same pool."""

    kind = Kind.TRANSFER
    to_deployment = forms.ModelChoiceField(
        Deployment.objects.none(),
        label="To",
        empty_label=None,
        error_messages={"required": "Say where it is to go."},
    )
    amount = AmountField(label="How much", error_messages={"required": "Say how much moves."})
    starts_at = moment_field("From", "Say from when on, or tick “from now on”.")
    starts_now = forms.BooleanField(label="From now on", required=False)
    ends_at = MomentField(
        label="Until",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=INPUT_FORMAT),
        help_text="Without an end it stays there until it is changed.",
        error_messages={"invalid": "Write a date and a time, such as 2026-03-14 09:00."},
    )
    purpose = _purpose("Why it moves")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        targets = targets_of(self.deployment, self.by)
        self.fields["to_deployment"].queryset = targets  # type: ignore[attr-defined]

    def draft(self, *, at: datetime) -> Draft:
        found = super().draft(at=at)
        return replace(found, to_deployment=self.cleaned_data.get("to_deployment"))


def targets_of(deployment: Deployment, by: User) -> QuerySet[Deployment]:
    """Where capacity of this deployment may go: to what is fed by its pool, of services that this
    person may ask for.
    """
    own = Service.objects.may_request(by)
    rows = Deployment.objects.present().filter(pool=deployment.pool_id, service__in=own)
    found: QuerySet[Deployment] = rows.exclude(pk=deployment.pk).select_related("account")
    return found.order_by("account__name", "name")
