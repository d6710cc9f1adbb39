"""Forms for what is asked beside a burst: a lasting baseline, a longer burst, a transfer.

Every rule is the services' own (`quotas.services.checks`); here it finds its field.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet

from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.policy import Policy
from quotas.domain.terms import Terms
from quotas.forms import FIELD_OF, AmountField, BurstForm, MomentField, moment_field
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors.amounts import Asked, typed, units_of
from quotas.selectors.verdict import INPUT_FORMAT
from quotas.selectors.words import amount_word
from quotas.services.asking import Draft, Kind
from quotas.services.checks import check_draft
from quotas.services.granting import held_at_end

MORE, LESS = "more", "less"
FIELDS = FIELD_OF | {
    "too_little_left": "amount",
    "not_held": "amount",
    "no_target": "to_deployment",
    "other_pool": "to_deployment",
    "no_end": "ends_at",
    "has_an_end": "ends_at",
}
NOT_JUDGED = (
    "occasion",
    "purpose",
    "accepts_provisioned_release",
)  # a verdict does not wait for these
MAY_LACK = {"purpose", "occasion", "accepts_provisioned_release"}  # a draft, that is
PURPOSE: dict[str, Any] = {
    "max_length": 2_000,
    "help_text": "In one or two sentences; whoever approves it reads them.",
    "error_messages": {"required": "Say what it is for; the approver reads it."},
}


class AskForm(forms.Form):
    """`service`, `deployment` and `by` come from the page, and `edited`, the request that is
    changed. With `judged` only what a verdict needs is asked for.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        *args: Any,
        service: Service,
        deployment: Deployment,
        by: User,
        judged: bool = False,
        edited: CapacityRequest | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.service, self.deployment, self.by, self.judged = service, deployment, by, judged
        self.edited = edited
        self.unit = amount_word(deployment)
        for name in MAY_LACK if judged else ():
            self.fields.pop(name, None)
        if "requests_per_minute" in self.fields and (
            self.unit != "TPM" or not deployment.requests_per_minute_per_unit
        ):
            del self.fields["requests_per_minute"]
        if "starts_now" in self.fields and self.data.get("starts_now"):
            self.fields["starts_at"].required = False
        self.terms: Terms | None = None

    @property
    def asked(self) -> Asked:
        """What was typed as the amount; nothing where it could not be read."""
        data = self.cleaned_data
        return Asked(data.get("amount") or 0, data.get("requests_per_minute") or 0)

    def draft(self, *, at: datetime) -> Draft:
        """What the service takes; what is missing is empty."""
        data = self.cleaned_data
        return Draft(
            service=self.service,
            deployment=self.deployment,
            units=units_of(self.deployment, self.asked),
            starts_at=data.get("starts_at") or at,
            ends_at=data.get("ends_at"),
            purpose=data.get("purpose", ""),
            accepts_provisioned_release=data.get("accepts_provisioned_release", self.judged),
            starts_now=bool(data.get("starts_now")),
            kind=self.kind,
        )

    def check(self, rules: Policy, *, at: datetime) -> bool:
        """All the services' rules; what is refused stands beside its field. Sets `terms`."""
        self.full_clean()
        if self.errors:
            return False
        draft = self.draft(at=at)
        asked = _as_if_said(draft) if self.judged else draft
        try:
            self.terms = check_draft(asked, rules, by=self.by, at=at, edited=self.edited)
        except DomainError as error:
            self.refuse(error)
        return not self.errors

    def refuse(self, error: DomainError) -> None:
        """Puts a refusal beside the field that it is about."""
        field = FIELDS.get(error.code)
        self.add_error(field if field in self.fields else None, error.sentence)


def _as_if_said(draft: Draft) -> Draft:
    """With the words that a verdict does not wait for."""
    return replace(draft, purpose="-", occasion=CapacityRequest.Occasion.OTHER)


class SentBurstForm(AskForm):
    """A burst that was sent, to be edited: the fields are those it was asked with."""

    kind = Kind.BURST
    amount = BurstForm.base_fields["amount"]
    requests_per_minute = BurstForm.base_fields["requests_per_minute"]
    starts_at = BurstForm.base_fields["starts_at"]
    starts_now = BurstForm.base_fields["starts_now"]
    ends_at = BurstForm.base_fields["ends_at"]
    occasion = BurstForm.base_fields["occasion"]
    purpose = BurstForm.base_fields["purpose"]
    accepts_provisioned_release = BurstForm.base_fields["accepts_provisioned_release"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.deployment.is_provisioned:
            self.fields.pop("accepts_provisioned_release", None)

    def draft(self, *, at: datetime) -> Draft:
        return replace(super().draft(at=at), occasion=self.cleaned_data.get("occasion", ""))


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
    purpose = forms.CharField(
        label="What has changed", widget=forms.Textarea(attrs={"rows": 3}), **PURPOSE
    )

    def draft(self, *, at: datetime) -> Draft:
        found = super().draft(at=at)
        lower = self.cleaned_data.get("direction") == LESS
        return replace(found, units=-found.units) if lower else found


class ExtensionForm(AskForm):
    """The same amount for longer: from the minute at which the grant ends, without a gap."""

    kind = Kind.EXTENSION
    ends_at = moment_field("Until", "Say when it ends.")
    purpose = forms.CharField(
        label="Why it is needed for longer", widget=forms.Textarea(attrs={"rows": 3}), **PURPOSE
    )
    accepts_provisioned_release = forms.BooleanField(
        label="I agree that this capacity is given back at the end",
        help_text="Azure does not promise provisioned capacity a second time.",
        required=False,
    )

    def __init__(self, *args: Any, parent: CapacityRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parent = parent
        if not self.deployment.is_provisioned:
            self.fields.pop("accepts_provisioned_release", None)

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
    purpose = forms.CharField(
        label="Why it moves", widget=forms.Textarea(attrs={"rows": 3}), **PURPOSE
    )

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
