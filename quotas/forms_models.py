"""The house's word on a model as it is typed."""

from typing import Any

from django import forms

from portal.forms import RefusingForm
from quotas.forms import moment_field
from quotas.services.model_rules import LONGEST_REASON, known_models

ALLOW, DEPRECATE = "allow", "deprecate"
FIELD_OF = {
    "reason_missing": "reason",
    "reason_too_long": "reason",
    "model_unknown": "model",
    "successor_unknown": "successor",
}


class ModelRuleForm(RefusingForm):
    field_of = FIELD_OF
    model = forms.ChoiceField(
        label="Model", error_messages={"required": "Choose a model.",
                                       "invalid_choice": "Choose a model of the list."},
    )  # fmt: skip
    word = forms.ChoiceField(
        label="It is",
        choices=[(DEPRECATE, "deprecated: nothing more is asked for"), (ALLOW, "allowed")],
        error_messages={"required": "Choose one of the two."},
    )
    starts_at = moment_field("From", "Say from when on.")
    successor = forms.ChoiceField(label="Ask instead for", required=False)
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        help_text="Whoever asks for the model reads it.",
        error_messages={"required": "Say why; whoever asks for the model then reads it."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = known_models()
        names = dict.fromkeys(each.partition(" ")[0] for each in versions)
        every = [(f"{name} ", f"{name}, every version") for name in names]
        one_by_one = [(each, each) for each in versions]
        self.fields["model"].choices = [*one_by_one, *every]  # type: ignore[attr-defined]
        self.fields["successor"].choices = [  # type: ignore[attr-defined]
            ("", "what Azure names, if anything"), *one_by_one,
        ]  # fmt: skip

    @property
    def values(self) -> dict[str, Any]:
        name, _, version = self.cleaned_data["model"].partition(" ")
        return {
            "model_name": name,
            "model_version": version,
            "allows": self.cleaned_data["word"] == ALLOW,
            "starts_at": self.cleaned_data["starts_at"],
            "successor": self.cleaned_data["successor"],
            "reason": self.cleaned_data["reason"],
        }
