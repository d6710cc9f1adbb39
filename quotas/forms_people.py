"""Who decides in whose place, and when: as it is typed."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.exceptions import ValidationError

from portal.forms import RefusingForm
from portal.kernel.windows import Window
from portal.long_lists import LongSelect, PeopleField, PersonField
from portal.models import User
from quotas.domain.business_hours import BusinessHours
from quotas.forms import moment_field
from quotas.models import Pool
from quotas.selectors import words
from quotas.selectors.review_hours import DAYS, Reviews

FIELD_OF = {
    "to_oneself": "to",
    "not_active": "to",
    "delegated_already": "to",
    "in_the_past": "ends_at",
    "ends_before_start": "ends_at",
    "no_weekday": "weekdays",
    "closes_before_it_opens": "closes",
    "reminder_unclear": "remind_after_hours",
    "escalation_unclear": "escalate_after_hours",
}


class DelegationForm(RefusingForm):
    field_of = FIELD_OF
    to = PersonField(
        label="Who decides in your place",
        error_messages={
            "required": "Choose who decides in your place.",
            "invalid_choice": "Choose somebody of the list.",
        },
    )
    pool = forms.ModelChoiceField(
        label="For which pool",
        queryset=Pool.objects.none(),
        required=False,
        empty_label="Every pool",
        widget=LongSelect,
        error_messages={"invalid_choice": "Choose a pool of the list, or every one."},
    )
    starts_at = moment_field("From", "Say from when.")
    ends_at = moment_field("Until", "Say until when.")
    reason = forms.CharField(label="Why", required=False, max_length=300)

    def __init__(self, *args: Any, user: User, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.present_at(at).exclude(pk=user.pk).order_by("first_name")
        self.fields["to"].queryset = people  # type: ignore[attr-defined]
        pools = Pool.objects.visible_to(user).allocatable().listed().named()
        self.fields["pool"].queryset = pools  # type: ignore[attr-defined]
        self.fields["pool"].label_from_instance = words.pool_name  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if {"starts_at", "ends_at"} <= data.keys() and data["ends_at"] <= data["starts_at"]:
            self.add_error("ends_at", "The end must be after the start.")
        return data

    @property
    def window(self) -> Window:
        return Window(self.cleaned_data["starts_at"], self.cleaned_data["ends_at"])


class HolidaysField(forms.CharField):
    """Dates, one on a line or apart by commas."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: Any) -> frozenset[date]:
        text = str(super().clean(value) or "")
        try:
            return frozenset(date.fromisoformat(day) for day in text.replace(",", " ").split())
        except ValueError:
            raise ValidationError("Write dates such as 2026-12-25, one on a line.") from None


class ReviewsForm(RefusingForm):
    """Fallback approvers and business hours of one pool."""

    field_of = FIELD_OF
    fallback = PeopleField(
        label="Fallback approvers",
        required=False,
        help_text="They may decide too once a request was escalated.",
    )
    time_zone = forms.ChoiceField(label="Time zone", widget=LongSelect)
    weekdays = forms.TypedMultipleChoiceField(
        label="Days",
        coerce=int,
        choices=list(enumerate(DAYS)),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day on which somebody is there."},
    )
    opens = forms.TimeField(label="From", widget=forms.TimeInput(attrs={"type": "time"}))
    closes = forms.TimeField(label="To", widget=forms.TimeInput(attrs={"type": "time"}))
    holidays = HolidaysField(
        label="Holidays", required=False, help_text="Dates such as 2026-12-25, one on a line."
    )
    remind_after_hours = forms.IntegerField(label="Remind after", min_value=1)
    escalate_after_hours = forms.IntegerField(label="Ask the fallback approvers after", min_value=1)

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.present_at(at).order_by("first_name")
        self.fields["fallback"].queryset = people  # type: ignore[attr-defined]
        zones = [(name, name) for name in sorted(available_timezones())]
        self.fields["time_zone"].choices = zones  # type: ignore[attr-defined]

    @property
    def reviews(self) -> Reviews:
        data = self.cleaned_data
        hours = BusinessHours(
            ZoneInfo(data["time_zone"]),
            data["opens"],
            data["closes"],
            frozenset(data["weekdays"]),
            data["holidays"],
        )
        return Reviews(hours, data["remind_after_hours"], data["escalate_after_hours"])


def as_typed(reviews: Reviews, pool: Pool) -> dict[str, Any]:
    """What the form begins with."""
    hours = reviews.hours
    return {
        "fallback": pool.fallback_approvers.all(),
        "time_zone": str(hours.zone),
        "weekdays": sorted(hours.weekdays),
        "opens": f"{hours.opens:%H:%M}",
        "closes": f"{hours.closes:%H:%M}",
        "holidays": "\n".join(sorted(day.isoformat() for day in hours.holidays)),
        "remind_after_hours": reviews.remind_after_hours,
        "escalate_after_hours": reviews.escalate_after_hours,
    }
