"""One team's budget from a month on, as finance types it."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from quotas.selectors.budgets import MONTHS_AHEAD, next_months


class MoneyField(forms.DecimalField):
    """As people write it: 5000, 5,000 or 5 000.00."""

    def to_python(self, value: Any) -> Decimal | None:
        found: Decimal | None = super().to_python(re.sub(r"[,\s_'’]", "", str(value or "")))
        return found


class BudgetForm(forms.Form):
    """`this` is the month that runs. An empty amount is no budget."""

    amount = MoneyField(
        max_digits=14,
        decimal_places=2,
        min_value=0,
        required=False,
        label="A month",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"invalid": "Give an amount of money, such as 5000 or 5000.00."},
    )
    from_month = forms.ChoiceField(label="From", error_messages={"required": "Choose a month."})

    def __init__(self, *args: Any, this: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        months = next_months(this, MONTHS_AHEAD + 1)
        self.fields["from_month"].choices = [  # type: ignore[attr-defined]
            (month.isoformat(), f"{month:%B %Y}") for month in months
        ]

    @property
    def month(self) -> date:
        return date.fromisoformat(self.cleaned_data["from_month"])
