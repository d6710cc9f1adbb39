"""What people type about a pool itself, turned into what its services take."""

from datetime import datetime
from typing import Any

from django import forms

from portal.forms import RefusingForm
from portal.kernel.errors import DomainError
from portal.kernel.units import units_for
from quotas.forms import AmountField
from quotas.models import Pool
from quotas.selectors.pool_rates import PoolRate
from quotas.services.reserves import LONGEST_REASON, check_reserve

FIELD_OF = {"reserve_too_large": "amount", "negative_reserve": "amount", "limit_unknown": "amount"}


class ReserveForm(RefusingForm):
    """How much is kept back. May be typed in TPM where the pool's deployments have but one rate."""

    field_of = FIELD_OF

    amount = AmountField(
        label="Keep back",
        error_messages={"required": "Say how much is kept back; 0 keeps nothing."},
    )
    counted_in = forms.ChoiceField(label="Counted in")
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        help_text="Everyone who sees this pool reads it.",
        error_messages={
            "required": "Say why; everyone who sees the pool reads it.",
            "max_length": f"Say it in {LONGEST_REASON} characters at most.",
        },
    )

    def __init__(self, *args: Any, pool: Pool, rate: PoolRate, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pool, self.rate = pool, rate
        # Where one may choose, the choice says what it is counted in.
        self.unit_shown = "" if rate.only else "PTU" if rate.word == "PTU" else "units"
        choices = [("units", "Azure capacity units"), ("tpm", "Tokens per minute")]
        self.fields["counted_in"].choices = choices  # type: ignore[attr-defined]
        if rate.only is None:
            del self.fields["counted_in"]

    @property
    def units(self) -> int:
        """Whole units; tokens are rounded up."""
        amount = int(self.cleaned_data["amount"])
        if self.cleaned_data.get("counted_in") == "tpm" and self.rate.only:
            return units_for(tokens_per_minute=amount, rate=self.rate.only)
        return amount

    def check(self, *, at: datetime) -> bool:
        """The service's rule on the amount, beside its field."""
        self.full_clean()
        if "amount" in self.cleaned_data:
            try:
                check_reserve(self.pool, self.units, at=at)
            except DomainError as error:
                self.refuse(error)
        return not self.errors
