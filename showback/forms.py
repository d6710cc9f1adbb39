"""What people type about shared deployments and history, turned into what services take."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.forms import RefusingForm
from portal.kernel.windows import floor_to_hour
from showback.domain.history import MOST_DAYS
from showback.domain.months import day_of, day_window
from showback.gateway import finance_zone

BLANK_ROWS = 3
HUNDRED = Decimal(100)


class DayField(forms.DateField):
    """A day of the finance time zone. Bounded, as the ends of the calendar do not convert."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def to_python(self, value: Any) -> date | None:
        day: date | None = super().to_python(value)
        if day and not 2000 <= day.year <= 9998:
            raise ValidationError("Write a date, such as 2026-03-14.")
        return day


class FromDay(RefusingForm):
    """What begins on a day of the finance time zone, with a reason where that day is over."""

    field_of = {"reason_missing": "reason", "ends_before_start": "until", "too_old": "start"}  # noqa: RUF012

    start = DayField(
        label="From",
        help_text="The whole day. Today means from this hour on.",
        error_messages={
            "required": "Say from when it holds.",
            "invalid": "Write a date, such as 2026-03-14.",
        },
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=300,
        help_text="Needed where the past is changed; shown beside it.",
    )

    def starts_at(self, *, at: datetime) -> datetime:
        """The first hour of the day; of today, this hour."""
        start: date = self.cleaned_data["start"]
        if start == day_of(at, finance_zone()):
            return floor_to_hour(at)
        return day_window(start, finance_zone()).start


class ShareForm(FromDay):
    """The deployment that several services call, from a day on."""

    field_order = ("deployment", "start", "reason")
    deployment = forms.TypedChoiceField(
        coerce=int,
        error_messages={
            "required": "Choose the deployment that several services call.",
            "invalid_choice": "Choose a deployment that is there and not shared yet.",
        },
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["deployment"].choices = [("", "Choose one"), *choices]  # type: ignore[attr-defined]


class SplitForm(FromDay):
    """Shares in per cent, from a day on. Rows of service and share come as two lists."""

    field_order = ("start", "until", "reason")
    until = DayField(
        label="Until",
        required=False,
        help_text="The first day on which it no longer holds. Empty: until another rule begins.",
        error_messages={"invalid": "Write a date, such as 2026-03-14."},
    )

    def __init__(self, *args: Any, services: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.services = services

    def rows(self) -> list[tuple[str, str]]:
        """(service, per cent) as typed, then empty ones; before anything was typed, the initial."""
        if self.is_bound:
            typed = list(zip(self._list("service"), self._list("percent"), strict=False))
        else:
            typed = list(self.initial.get("rows", []))
        filled = [row for row in typed if any(row)]
        return filled + [("", "")] * BLANK_ROWS

    def _list(self, name: str) -> list[str]:
        return [str(value).strip() for value in self.data.getlist(name)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["shares"] = self._shares()
        return data

    def _shares(self) -> dict[int, int]:
        """Basis points by service; a row without both is left out if empty, else told."""
        known, found = {key for key, _ in self.services}, dict[int, int]()
        for service, percent in zip(self._list("service"), self._list("percent"), strict=False):
            if not service and not percent:
                continue
            if not service.isdecimal() or int(service) not in known:
                raise ValidationError("Choose a service for each share.")
            if int(service) in found:
                raise ValidationError("A service is named twice; give it one share.")
            found[int(service)] = _basis_points(percent)
        return found

    def ends_at(self) -> datetime | None:
        until = self.cleaned_data.get("until")
        return day_window(until, finance_zone()).start if until else None


def _basis_points(percent: str) -> int:
    try:
        exact = Decimal(percent.replace(",", ".").rstrip("% ")) * HUNDRED
    except InvalidOperation:
        raise ValidationError("Write each share in per cent, such as 33.34.") from None
    if not exact.is_finite() or exact != exact.to_integral_value() or not 0 < exact <= 10_000:
        raise ValidationError("A share is above 0 and at most 100 %, with up to two decimals.")
    return int(exact)


class ImportForm(forms.Form):
    """A file of gateway aggregates."""

    gateway = forms.CharField(
        label="Gateway",
        max_length=60,
        help_text="The name that files of this gateway go by. A file replaces the hours it names.",
        error_messages={"required": "Name the gateway that the file is from."},
    )
    file = forms.FileField(
        label="CSV file",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={
            "required": "Choose a file.",
            "empty": "The file is empty.",
        },
    )


class HistoryForm(forms.Form):
    """How many days of minutes to fetch, and whether also those that are there."""

    days = forms.IntegerField(
        label="Days back from today",
        min_value=1,
        max_value=MOST_DAYS,
        initial=MOST_DAYS,
        help_text=f"Azure keeps {MOST_DAYS}.",
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            f"Azure keeps {MOST_DAYS} days of metrics; ask for 1 to as many.",
        ),
    )
    again = forms.BooleanField(
        label="Also days that are there already",
        required=False,
        help_text="Fetched anew, the same figures change nothing.",
    )
