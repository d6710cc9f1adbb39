"""What is known of a service, as it is typed: when it is registered, and when it is changed."""

from typing import Any

from django import forms
from django.http import QueryDict

from portal.forms import RefusingForm
from portal.models import User
from quotas.models import Service
from quotas.selectors.facts import FACTS, facts_of, may_raise_tier, names_of, seen, who_changed

RAISED_BY_OTHERS = (
    "A platform owner who does not answer for it can raise it: it moves the service before others."
)


def text(label: str, sentence: str, *, rows: int = 0, **more: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    return forms.CharField(
        label=label, widget=widget, error_messages={"required": sentence}, **more
    )


def choice(label: str, sentence: str, choices: Any = (), **more: Any) -> forms.ChoiceField:
    errors = {"required": sentence, "invalid_choice": "Choose one of the list."}
    return forms.ChoiceField(label=label, choices=choices, error_messages=errors, **more)


def radios(label: str, sentence: str, choices: Any, **more: Any) -> forms.ChoiceField:
    return choice(label, sentence, choices, widget=forms.RadioSelect, **more)


class FactsFields(RefusingForm):
    """What registering asks and the service keeps, less who answers for it."""

    environment = choice("Environment", "Say where it runs.", Service.Environment.choices)
    tier = choice("Tier", "Say how critical it is.", Service.Tier.choices)
    purpose = text(
        "Purpose", "Say what it is for; approvers and finance read it.", rows=3, max_length=2_000
    )
    user_population = text(
        "People it serves", "Say who uses it, and about how many.", max_length=160
    )
    if_throttled = text(
        "If throttled",
        "Say what happens to these people when calls are refused.",
        rows=2,
        max_length=2_000,
        help_text="What happens to these people when calls are refused.",
    )
    proof_metric = text(
        "Proof metric",
        "Say by what number one sees that it is worth its capacity.",
        max_length=160,
        help_text="The number by which one sees that it is worth its capacity.",
    )
    data_class = radios(
        "Class of its data", "Say what class of data it handles.", Service.DataClass.choices
    )
    data_residency = radios(
        "Its data may be processed", "Say where its data may be.", Service.Residency.choices
    )


class FactsForm(FactsFields):
    """Of a service that is there. Each field carries along what was shown, so that it is known what
    was changed; `seen` stands for all of it. What nobody ever said may stay unsaid.
    """

    field_of = {
        **{f"{name}_missing": name for name in FACTS},
        "tier_not_yours": "tier",
        "class_unknown": "data_class",
        "too_far_for_its_class": "data_residency",
        "residency_of_held": "data_residency",
    }
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput())

    def __init__(
        self, data: QueryDict | None = None, *, service: Service, user: User, **kwargs: Any
    ) -> None:
        initial = {**facts_of(service), "seen": seen(service)}
        super().__init__(data, initial=initial, **kwargs)
        self.service, self.user = service, user
        for name in FACTS:
            self.fields[name].show_hidden_initial = True
            self.fields[name].required = bool(initial[name])
        if not may_raise_tier(service, user):
            tiers = [(tier, label) for tier, label in Service.Tier.choices if tier >= service.tier]
            self.fields["tier"].choices = tiers  # type: ignore[attr-defined]
            self.fields["tier"].help_text = RAISED_BY_OTHERS

    def changes(self) -> dict[str, str | int]:
        """Of a form that was found to be clean: what is other than what was shown."""
        said = {name: self.cleaned_data[name] for name in self.changed_data if name in FACTS}
        return {**said, "tier": int(said["tier"])} if "tier" in said else said

    @property
    def is_stale(self) -> bool:
        """Of a form that is bound: other facts were shown than there are."""
        return self.data.get(self.add_prefix("seen")) != seen(self.service)

    def on_what_is_now(self) -> "FactsForm":
        """Where somebody else was first: what was changed here, on the facts as they are now, and
        what became others. Sent once more, it is meant so.
        """
        service = Service.objects.select_related("team").get(pk=self.service.pk)
        now, mine = facts_of(service), set(self.changed_data)
        data = self.data.copy()
        theirs = [name for name in FACTS if str(now[name]) != self._shown(name)]
        for name, value in now.items():
            data[self.add_initial_prefix(name)] = str(value)
            if name not in mine:
                data[self.add_prefix(name)] = str(value)
        data[self.add_prefix("seen")] = seen(service)
        form = FactsForm(data, service=service, user=self.user)
        form.add_error(None, _told(who_changed(service), theirs))
        for name in theirs:
            if name in mine:
                form.add_error(name, f"It is now: {_label(service, name)}")
        return form

    def _shown(self, name: str) -> str:
        return str(self.data.get(self.add_initial_prefix(name), ""))


def _told(who: str, theirs: list[str]) -> str:
    what = names_of(theirs) or "it"
    return (
        f"{who} changed {what} since you opened this page. What you changed is kept below, the "
        "rest is as it is now: look at it, and save once more."
    )


def _label(service: Service, name: str) -> str:
    display = getattr(service, f"get_{name}_display", None)
    return str(display() if display else getattr(service, name)) or "not said"
