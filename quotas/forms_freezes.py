"""A freeze as it is typed: which pool, from when until when, and why."""

from datetime import datetime
from typing import Any

from django import forms

from portal.kernel.errors import DomainError
from quotas.forms import moment_field
from quotas.models import Pool
from quotas.selectors import words
from quotas.services.freezes import LONGEST_REASON

FIELD_OF = {
    "ends_before_start": "ends_at",
    "start_in_the_past": "starts_at",
    "too_long": "ends_at",
    "reason_missing": "reason",
    "reason_too_long": "reason",
}


class FreezeForm(forms.Form):
    pool = forms.ModelChoiceField(
        label="Where",
        queryset=Pool.objects.none(),
        required=False,
        empty_label="All pools",
        error_messages={"invalid_choice": "Choose a pool of the list, or all of them."},
    )
    starts_at = moment_field("From", "Say when it begins.")
    ends_at = moment_field("Until", "Say when it ends.")
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        help_text="Everyone who asks for capacity in that time reads it.",
        error_messages={"required": "Say why; everyone who asks for capacity then reads it."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pool"].queryset = Pool.objects.allocatable().listed()  # type: ignore[attr-defined]
        self.fields["pool"].label_from_instance = words.pool_name  # type: ignore[attr-defined]

    @property
    def window(self) -> tuple[datetime, datetime]:
        return self.cleaned_data["starts_at"], self.cleaned_data["ends_at"]

    def refuse(self, error: DomainError) -> None:
        """Puts a refusal beside the field that it is about."""
        self.add_error(FIELD_OF.get(error.code), error.sentence)
