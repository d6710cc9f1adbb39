"""A sandbox as it is claimed: which model, and what for. The team only where there are several."""

from typing import Any

from django import forms

from portal.forms import RefusingForm
from portal.models import User
from quotas.models import Deployment, Team
from quotas.selectors.sandboxes import choice_name, open_choices, teams_of

FIELD_OF = {
    "not_open": "deployment",
    "residency": "deployment",
    "sandbox_there": "deployment",
    "pool_exhausted": "deployment",
    "purpose_missing": "purpose",
    "team_missing": "team",
}


class SandboxForm(RefusingForm):
    field_of = FIELD_OF
    deployment = forms.ChoiceField(
        label="Which model",
        error_messages={
            "required": "Choose a model.",
            "invalid_choice": "Choose a model of the list.",
        },
    )
    purpose = forms.CharField(
        label="What do you want to try out?",
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say what you want to try out."},
    )
    team = forms.ModelChoiceField(
        label="Which team pays",
        queryset=Team.objects.none(),
        error_messages={
            "required": "Choose which of your teams pays.",
            "invalid_choice": "Choose a team of the list.",
        },
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.open = {str(each.pk): each for each in open_choices(user)}
        named = [(key, choice_name(each)) for key, each in self.open.items()]
        several = [("", "Choose one"), *named] if len(named) > 1 else named
        self.fields["deployment"].choices = several  # type: ignore[attr-defined]
        self.teams = teams_of(user)
        if len(self.teams) > 1:
            self.fields["team"].queryset = self.teams  # type: ignore[attr-defined]
        else:
            del self.fields["team"]

    @property
    def chosen(self) -> Deployment:
        return self.open[self.cleaned_data["deployment"]]
