"""What approvers and requesters type in a review, turned into what its services take."""

from typing import Any

from django import forms
from django.utils.timezone import get_current_timezone

from portal.forms import RefusingForm
from portal.kernel.windows import FOREVER, Window, floor_to_minute
from quotas.domain.terms import Terms
from quotas.forms import AmountField, moment_field
from quotas.models import CapacityRequest, Deployment
from quotas.selectors.amounts import Asked, typed, units_of
from quotas.selectors.words import INPUT_FORMAT, amount_word
from quotas.services.refusals import refuse

FIELD_OF = {
    "ends_before_start": "ends_at",
    "in_the_past": "ends_at",
    "too_late": "ends_at",
    "too_long": "ends_at",
    "start_in_the_past": "starts_at",
    "not_contiguous": "starts_at",
    "pool_exhausted": "amount",
    "wrong_step": "amount",
    "as_asked": "amount",
}


class OfferForm(RefusingForm):
    """Another amount, another window. A baseline has no end to choose."""

    field_of = FIELD_OF

    amount = AmountField(
        label="Amount on top", error_messages={"required": "Say how much you offer."}
    )
    starts_at = moment_field("From", "Say when it starts.")
    ends_at = moment_field("Until", "Say when it ends.")
    note = forms.CharField(label="Why, for the requester", required=False, max_length=1_000)
    held = forms.BooleanField(
        label="Keep the room until they answer (3 days at most)", required=False, initial=True
    )

    def __init__(self, *args: Any, request: CapacityRequest, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"offer-{request.pk}-%s", **kwargs)
        self.request, self.unit = request, amount_word(request.deployment)
        if request.ends_at is None:
            del self.fields["ends_at"]

    @property
    def terms(self) -> Terms:
        """What was typed. Raises DomainError for a window that is empty."""
        data = self.cleaned_data
        start = floor_to_minute(data["starts_at"])
        end = floor_to_minute(data["ends_at"]) if data.get("ends_at") else FOREVER
        if end <= start:
            raise refuse("ends_before_start", "The end must be after the start.")
        return Terms(units_of(self.request.deployment, Asked(data["amount"])), Window(start, end))


class GiveBackForm(forms.Form):
    """How much goes back; all of it where nothing is typed."""

    amount = AmountField(required=False)

    def __init__(self, *args: Any, deployment: Deployment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deployment = deployment

    @property
    def units(self) -> int | None:
        """None: all of it. Tokens are rounded up to whole units."""
        amount = self.cleaned_data["amount"]
        return None if amount is None else units_of(self.deployment, Asked(amount))


def first_offer(request: CapacityRequest, units: int) -> dict[str, str]:
    """What the form begins with: this amount over the window that was asked."""
    zone = get_current_timezone()
    return {
        "amount": f"{typed(request.deployment, units):,}",
        "starts_at": request.starts_at.astimezone(zone).strftime(INPUT_FORMAT),
        "ends_at": request.window.end.astimezone(zone).strftime(INPUT_FORMAT)
        if request.ends_at
        else "",
        "note": "",
    }
