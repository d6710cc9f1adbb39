"""One team's budget from a month on, as finance types it."""

from datetime import date
from typing import Any

from django import forms

from quotas.selectors.budgets import MONTHS_AHEAD, next_months


class BudgetForm(forms.Form):
    """`this` is the month that runs. An empty amount is no budget."""

    amount = forms.DecimalField(
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
