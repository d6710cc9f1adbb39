"""Fields that many forms have, and the smallest forms. Rules stay in the services."""

import re
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import get_current_timezone

from portal.models import User
from quotas.models import Service
from quotas.selectors.words import INPUT_FORMAT

AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([km]?)", re.IGNORECASE)
SCALE = {"": 1, "k": 1_000, "m": 1_000_000}
LARGEST = 2_000_000_000  # what the ledger's column holds
EARLIEST_YEAR, LATEST_YEAR = 2000, 9998  # the ends of the calendar do not convert to UTC


class AmountField(forms.IntegerField):
    """A whole number as people write it: 80000, 80,000, 80 000, 80k or 1.5M."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> int | None:
        text = re.sub(r"[,\s_'’]", "", str(value or ""))
        if not text:
            return None
        found = AMOUNT.fullmatch(text)
        if found is None:
            raise ValidationError("Write a whole number, such as 80,000 or 80k.")
        number = float(found[1]) * SCALE[found[2].lower()]
        if number != int(number) or number > LARGEST:
            raise ValidationError("Write a whole number that a pool could hold.")
        return int(number)


class MomentField(forms.DateTimeField):
    """A date and a time of a year that every time zone can tell, in the zone of who types it. A
    time that the clocks skip, or show twice, says so: to guess would be an hour wrong.
    """

    def to_python(self, value: Any) -> datetime | None:
        try:
            moment: datetime | None = super().to_python(value)
        except ValidationError as error:
            if error.code != "ambiguous_timezone" or not error.params:
                raise
            moment = self._of_our_time(error.params["datetime"])
            raise ValidationError(_changed_clocks(moment), code=error.code) from None
        return self._of_our_time(moment) if moment else None

    def _of_our_time(self, moment: datetime) -> datetime:
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


def _changed_clocks(typed: datetime) -> str:
    zone = get_current_timezone()
    there = typed.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    what = "back, so it comes twice" if there == typed else "forward, so it does not exist"
    return (
        f"At {typed:%H:%M} on {typed:%d %b %Y} the clocks of {zone} are put {what}. "
        "Choose a time before or after the change."
    )


def moment_field(label: str, sentence: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=INPUT_FORMAT)
    errors = {"required": sentence, "invalid": "Write a date and a time, such as 2026-03-14 09:00."}
    return MomentField(label=label, widget=widget, error_messages=errors)


class NoteForm(forms.Form):
    """A reason or a note. Whether it may be empty is the service's to say."""

    note = forms.CharField(required=False, max_length=1_000)


class MapForm(forms.Form):
    """Gives a deployment to a service that this person may see."""

    service = forms.ModelChoiceField(
        Service.objects.none(), error_messages={"required": "Choose the service it belongs to."}
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["service"].queryset = Service.objects.visible_to(user)  # type: ignore[attr-defined]
