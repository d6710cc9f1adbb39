"""What somebody answers to an edit outside Headroom, or to what else a sync found; and any other
answer that is a reason.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import ClassVar

from django import forms
from django.utils.timezone import get_current_timezone

from portal.forms import RefusingForm
from portal.kernel.errors import DomainError
from portal.models import User


class Reason(forms.CharField):
    """Shown as wanted. That it is missing is said by the service, in words of what was answered."""

    def validate(self, value: str) -> None:
        pass


class ReasonForm(RefusingForm):
    """An answer that is its reason alone."""

    field_of: ClassVar[Mapping[str, str]] = {
        "reason_missing": "reason",
        "reason_too_long": "reason",
    }
    reason = Reason(label="Reason", max_length=200, help_text="Kept with your name and the time.")

    def answers(
        self, service: Callable[..., object], row: object, *, by: User, at: datetime
    ) -> bool:
        """Gives the answer with its reason. False: the form says why not, and nothing was written.

        Raises DomainError for what is about none of its fields.
        """
        if not self.is_valid():
            return False
        try:
            service(row, by=by, reason=self.cleaned_data["reason"], at=at)
        except DomainError as error:
            if error.code not in self.field_of:
                raise
            self.refuse(error)
        return self.is_valid()


class AnswerForm(ReasonForm):
    """`until` is only for being asked again later."""

    field_of = {
        **ReasonForm.field_of,
        "snooze_over": "until",
        "snooze_too_long": "until",
    }
    until = forms.DateField(
        label="Ask again on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Within 30 days; only for being asked again later.",
        error_messages={"invalid": "Write a date."},
    )

    def snoozes(
        self, service: Callable[..., object], row: object, *, by: User, at: datetime
    ) -> bool:
        """Asks to be asked again. False: the form says why not, and nothing was written."""
        if self.is_valid() and not self.cleaned_data["until"]:
            self.add_error("until", "Say when you want to be asked again.")
        if not self.is_valid():
            return False
        reason, until = self.cleaned_data["reason"], self._until_moment
        try:
            service(row, until=until, by=by, reason=reason, at=at)
        except DomainError as error:
            self.refuse(error)
        return self.is_valid()

    @property
    def _until_moment(self) -> datetime:
        """The day begins at midnight of the person's zone."""
        day = self.cleaned_data["until"]
        return datetime.combine(day, time(0), tzinfo=get_current_timezone())
