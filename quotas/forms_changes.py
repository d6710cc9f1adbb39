"""What somebody answers to an edit outside Headroom."""

from datetime import datetime, time

from django import forms
from django.utils.timezone import get_current_timezone

from portal.forms import RefusingForm


class AnswerForm(RefusingForm):
    """`until` is only for being asked again later."""

    field_of = {
        "reason_missing": "reason",
        "reason_too_long": "reason",
        "snooze_over": "until",
        "snooze_too_long": "until",
    }
    reason = forms.CharField(
        label="Reason",
        max_length=200,
        required=False,
        help_text="Kept with your name and the time.",
    )
    until = forms.DateField(
        label="Ask again on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Within 30 days; only for being asked again later.",
        error_messages={"invalid": "Write a date."},
    )

    def asks_later(self) -> bool:
        """Whether it is whole as a wish to be asked again; else it says what is missing."""
        if self.is_valid() and self.until_moment is None:
            self.add_error("until", "Say when you want to be asked again.")
        return self.is_valid()

    @property
    def until_moment(self) -> datetime | None:
        """The day begins at midnight of the person's zone."""
        day = self.cleaned_data["until"]
        return datetime.combine(day, time(0), tzinfo=get_current_timezone()) if day else None
