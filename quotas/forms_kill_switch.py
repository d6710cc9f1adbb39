"""Why the kill switch is thrown, or turned off again."""

from django import forms

from portal.forms import RefusingForm
from quotas.services.kill_switch import LONGEST_REASON


class KillSwitchForm(RefusingForm):
    field_of = {"reason_missing": "reason", "reason_too_long": "reason"}
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        help_text="It is kept with your name and the time; while the switch is on, everybody "
        "reads it on every page.",
        error_messages={"required": "Say why; it is kept with your name and the time."},
    )
