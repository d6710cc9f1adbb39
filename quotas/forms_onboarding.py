"""Registering a service, planning its deployment: as it is typed. Rules stay in the services."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms

from portal.forms import RefusingForm
from portal.long_lists import LongSelect, PersonField
from portal.models import User
from quotas.domain.suggestion import Latency, Shape
from quotas.forms import AmountField
from quotas.forms_facts import FactsFields, choice, radios, text
from quotas.models import Service, Team
from quotas.selectors.onboarding import people_of, teams_for
from quotas.selectors.places import Wanted, home_regions, key_of, models_on_offer, pools_of
from quotas.selectors.suggested import Asked, Row, Suggestions, suggestions
from quotas.services.onboarding import Registration, slug_of
from quotas.services.planning import Planned

NEW, NONE = "new", "none"
BUSIEST = "Say how many tokens its busiest minute takes."
LATENCIES = [
    (Latency.INTERACTIVE, "People wait for the answer"),
    (Latency.EVEN, "People wait, and it has to be as quick at the busiest hour"),
    (Latency.RELAXED, "A program waits; seconds do not matter"),
]
SHAPES = [
    (Shape.STEADY, "Steady, day and night"),
    (Shape.OFFICE_HOURS, "Office hours"),
    (Shape.BURSTY, "In bursts"),
    (Shape.BATCH, "In batches"),
]
FIELD_OF = {
    "not_a_lead": "team",
    "name_missing": "name",
    "name_unclear": "name",
    "name_taken": "name",
    "owner_not_there": "owner",
    "no_owner": "owner",
    "deputy_not_there": "deputy",
    "deputy_is_owner": "deputy",
    "class_unknown": "data_class",
    "too_far_for_its_class": "data_residency",
    "deployment_name_unclear": "deployment_name",
    "deployment_name_taken": "deployment_name",
    "wrong_step": "tokens_per_minute",
    "absurd_amount": "tokens_per_minute",
    "pool_exhausted": "tokens_per_minute",
    "policy_refuses": "tokens_per_minute",
}


def _person(label: str, sentence: str) -> PersonField:
    errors = {"required": sentence, "invalid_choice": "Choose somebody of the list."}
    return PersonField(label=label, empty_label="Choose a person", error_messages=errors)


class PlaceForm(RefusingForm):
    """Where the deployment of `service` is to be. `service` None: its own form says the rest."""

    field_of = FIELD_OF

    home = choice(
        "Region of its callers",
        "",
        required=False,
        help_text="“Its region” and “its data zone” mean this region, too.",
    )
    latency = radios("How quick", "Say who waits for its answers.", LATENCIES)
    shape = radios("When it is used", "Say when it is used.", SHAPES)
    model = choice("Model", "Choose the model that it calls.")
    tokens_per_minute = AmountField(
        label="At its busiest minute",
        help_text="Prompts and answers together.",
        min_value=1,
        error_messages={"required": BUSIEST, "min_value": BUSIEST},
    )
    requests_per_minute = AmountField(label="And requests a minute", required=False)
    deployment_name = forms.CharField(
        label="Name of the deployment",
        required=False,
        max_length=64,
        help_text="Empty: as the service is called. Headroom knows it by this name.",
    )
    # Drawn with the suggestion, so it stands outside the list of fields.
    place = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput())

    def __init__(
        self, *args: Any, at: datetime, service: Service | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.at, self.service = at, service
        self.models = {key_of(name): name for name in models_on_offer()}
        named = [(key, f"{name} {version}") for key, (_, name, version) in self.models.items()]
        self.fields["model"].choices = [("", "Choose a model"), *named]  # type: ignore[attr-defined]
        regions = [(region, region) for region in home_regions()]
        self.fields["home"].choices = [("", "Not known"), *regions]  # type: ignore[attr-defined]
        self.found: Suggestions | None = None

    @property
    def residency(self) -> str:
        return self.service.data_residency if self.service else self._said("data_residency")

    def _said(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "")

    def suggest(self) -> Suggestions | None:
        """None while something that it depends on is not said, or not well."""
        if not self.is_bound:
            return None
        self.full_clean()
        data = self.cleaned_data
        wanted = ("latency", "shape", "model", "tokens_per_minute")
        if self.residency and all(data.get(name) for name in wanted):
            model = self.models[data["model"]]
            amount = Wanted(data["tokens_per_minute"], data.get("requests_per_minute") or 0)
            asked = Asked(
                residency=Service.Residency(self.residency),
                home=self._said("home"),
                latency=Latency(data["latency"]),
                shape=Shape(data["shape"]),
                model=model,
                wanted=amount,
                taken=pools_of(self.service, model) if self.service else frozenset(),
            )
            self.found = suggestions(asked, chosen=self._said("place"), at=self.at)
        return self.found

    def planned(self, default_name: str) -> Planned | None:
        """What was chosen; None where it cannot be: the form then says why."""
        found = self.suggest()
        if self.errors or found is None:
            return None
        row = found.row(self._said("place"))
        if row is None:
            self.add_error(None, _not_chosen(found, self._said("place")))
            return None
        return _planned(row, self._said("deployment_name").strip() or default_name)


def _planned(row: Row, name: str) -> Planned:
    return Planned(row.spot.account, row.spot.model, name, row.units)


def _not_chosen(found: Suggestions, key: str) -> str:
    if not found.rows:
        return "Nowhere can it be as it is described; beside the form stands why not."
    if not key:
        return "Choose where it is to be, of the places beside the form. The first is suggested."
    return "The place that you chose is no longer possible. Choose another one beside the form."


class RegisterForm(FactsFields, PlaceForm):
    """All of one page. `plan` none: its deployment is there already, or shared."""

    team = forms.ModelChoiceField(
        Team.objects.none(),
        empty_label=None,
        widget=LongSelect,
        error_messages={
            "required": "Choose the team that pays for it.",
            "invalid_choice": "Choose one of the list.",
        },
    )
    name = text("Name", "Say what the service is called.", max_length=80)
    owner = _person("Owner", "Choose who answers for it.")
    deputy = _person("Deputy", "Choose who answers for it while the owner is away.")
    plan = radios(
        "Its deployment",
        "Say whether it needs a deployment of its own.",
        [(NEW, "is to be made"), (NONE, "is there already, or it calls a shared one")],
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = teams_for(user)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        people = people_of(teams, at=self.at)
        for name in ("owner", "deputy"):
            self.fields[name].queryset = people  # type: ignore[attr-defined]
        if self.data.get("plan") == NONE:
            for name in PlaceForm.base_fields:
                self.fields[name].required = False
        self.order_fields(ORDER)

    @property
    def wants_a_deployment(self) -> bool:
        return self._said("plan") != NONE

    def suggest(self) -> Suggestions | None:
        return super().suggest() if self.data.get("plan") != NONE else None

    def registration(self) -> Registration:
        """Of a form that was found to be clean."""
        data = {name: self.cleaned_data[name] for name in Registration.__dataclass_fields__}
        return Registration(**{**data, "tier": int(data["tier"])})

    @property
    def default_name(self) -> str:
        return slug_of(self._said("name"))


ORDER: Iterable[str] = (
    "team", "name", "owner", "deputy", "environment", "tier", "purpose", "user_population",
    "if_throttled", "proof_metric", "data_class", "data_residency", "plan", "home", "latency",
    "shape", "model", "tokens_per_minute", "requests_per_minute", "deployment_name",
)  # fmt: skip
