"""A freeze as it is typed: which pool, from when until when, and why."""

from datetime import datetime
from typing import Any

from django import forms

from portal.forms import RefusingForm
from portal.long_lists import LongSelect
from quotas.forms import moment_field
from quotas.models import Pool
from quotas.selectors import words
from quotas.selectors.freezes import ALL_POOLS
from quotas.services.freezes import LONGEST_REASON

ALL = "all"
FIELD_OF = {
    "ends_before_start": "ends_at",
    "start_in_the_past": "starts_at",
    "too_long": "ends_at",
    "reason_missing": "reason",
    "reason_too_long": "reason",
}


class FreezeForm(RefusingForm):
    field_of = FIELD_OF
    pool = forms.ChoiceField(
        label="Where",
        widget=LongSelect,
        error_messages={
            "required": "Choose a pool of the list, or all of them.",
            "invalid_choice": "Choose a pool of the list, or all of them.",
        },
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
        self.pools = {str(pool.pk): pool for pool in Pool.objects.allocatable().listed().named()}
        named = [(key, words.pool_name(pool)) for key, pool in self.pools.items()]
        self.fields["pool"].choices = [(ALL, ALL_POOLS), *named]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> Pool | None:
        """None: all pools."""
        return self.pools.get(self.cleaned_data["pool"])

    @property
    def window(self) -> tuple[datetime, datetime]:
        return self.cleaned_data["starts_at"], self.cleaned_data["ends_at"]
