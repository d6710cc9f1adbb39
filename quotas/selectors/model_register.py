"""The register of models: which may be asked for, which retire when, and who has them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Value, Window
from django.db.models.functions import Lower, RowNumber

from portal.models import User
from quotas.domain.model_register import Judgement, Life, Rule, judge, together
from quotas.models import Deployment, ModelLife, ModelRule

R = TypeVar("R")
Version = tuple[str, str]  # name, version
NAMES = ("model_name", "model_version", "sku_name")


class Place(NamedTuple):
    """Where a model version is deployed, or could be."""

    subscription_id: str  # lower case
    region: str
    model_name: str
    model_version: str
    sku_name: str


@dataclass(frozen=True)
class Retirement:
    """A deployment whose model has a planned end."""

    deployment: Deployment
    at: datetime
    successor: str

    @property
    def service_id(self) -> int | None:
        return self.deployment.service_id

    @property
    def model(self) -> str:
        return f"{self.deployment.model_name} {self.deployment.model_version}"


@dataclass(frozen=True)
class Registered:
    """One version. `deployments` are those that the person may see; `rule` is the house's
    that holds for it now, `coming` one to come.
    """

    name: str
    version: str
    life: Life
    judged: Judgement
    rule: ModelRule | None
    coming: ModelRule | None
    deployments: list[Deployment]
    running: int  # deployments in all


def register_for(user: User, *, at: datetime, most: int | None = None) -> list[Registered]:
    """What runs, or is listed; by name, the newest version first, each with `most` of its
    deployments. Three queries.
    """
    lives: dict[Version, list[Life]] = {}
    for row in ModelLife.objects.all():
        lives.setdefault((row.model_name, row.model_version), []).append(row.life)
    runs: dict[Version, list[Deployment]] = {}
    counts: dict[Version, int] = {}
    for each in _running(user, most):
        version = (each.model_name, each.model_version)
        runs.setdefault(version, []).append(each)
        counts[version] = each.of_version
    rules, coming = _rules_of(at)
    versions = sorted(lives.keys() | runs.keys(), key=lambda each: each[1], reverse=True)
    versions.sort(key=lambda each: each[0])
    found = []
    for version in versions:
        life, rule = together(lives.get(version, [])), rule_for(version, rules)
        judged = judge(life, rule.rule if rule else None, at)
        later, own = rule_for(version, coming), runs.get(version, [])
        count = counts.get(version, 0)
        found.append(Registered(*version, life, judged, rule, later, own, count))
    return found


def _running(user: User, most: int | None) -> QuerySet[Any]:
    """What the person may see, by name; each with how many `of_version` there are."""
    seen = Deployment.objects.present().visible_to(user).order_by().values("pk")
    version = [F("model_name"), F("model_version")]
    names = ("account__name", "name")
    rows: QuerySet[Any] = Deployment.objects.filter(pk__in=seen).annotate(
        of_version=Window(Count("pk"), partition_by=version),
        number=Window(RowNumber(), partition_by=version, order_by=names),
    )
    named = rows if most is None else rows.filter(number__lte=most)
    found: QuerySet[Any] = named.select_related("account", "service").order_by(*names)
    return found


def judgement_of(deployment: Deployment, *, at: datetime) -> Judgement:
    """One query. A fine-tuned model has a name of its own that Azure does not list: allowed."""
    return judgements_at([place_of(deployment)], at=at)[0]


def judgements_at(places: Sequence[Place], *, at: datetime) -> list[Judgement]:
    """In the order given. One query for any number."""
    lives, rules = _said_of({place.model_name for place in places}, at=at)
    return [_judged(place, lives.get(place, Life()), rules, at=at) for place in places]


def why_deprecated(judged: Judgement) -> str:
    """The end of a sentence; "" where more of the model may be asked for."""
    if judged.is_allowed:
        return ""
    instead = f": choose {judged.successor}" if judged.successor else ""
    return f"the model is {judged.standing}{instead}"


def _judged(place: Place, life: Life, rules: Mapping[Version, Rule], *, at: datetime) -> Judgement:
    return judge(life, rule_for((place.model_name, place.model_version), rules), at)


def _said_of(
    names: Collection[str], *, at: datetime
) -> tuple[dict[Place, Life], dict[Version, Rule]]:
    """What Azure says, and the house's rules in force, of models of these names."""
    lives = ModelLife.objects.order_by().filter(model_name__in=names)
    rules = ModelRule.objects.in_force_at(at).order_by().filter(model_name__in=names)
    said = lives.annotate(is_rule=Value(False)).values_list(
        "is_rule", *Place._fields, "lifecycle", "retires_at", "is_planned", "successor"
    )
    nowhere = {name: Value("") for name in ("subscription_id", "region", "sku_name")}
    ruled = rules.annotate(is_rule=Value(True), **nowhere).values_list(
        "is_rule", *Place._fields, "reason", "effective_from", "allows", "successor"
    )
    found: tuple[dict[Place, Life], dict[Version, Rule]] = ({}, {})
    for is_rule, *rest in said.union(ruled, all=True):
        place, (text, moment, flag, successor) = Place(*rest[:5]), rest[5:]
        if is_rule:
            key = (place.model_name, place.model_version)
            found[1][key] = Rule(flag, moment, text, successor)
        else:
            found[0][place] = Life(text, moment, flag, successor)
    return found


def retirements_of(rows: QuerySet[Deployment], *, until: datetime) -> list[Retirement]:
    """Deployments whose model has a planned end before `until`; the nearest first. One query."""
    found = with_end(rows, retires_at__lt=until)
    ending = found.filter(ends__isnull=False).select_related("account").order_by("ends", "pk")
    return [Retirement(each, each.ends, each.follows) for each in ending]


def with_end(rows: QuerySet[Deployment], **within: datetime) -> QuerySet[Any]:
    """Each with `ends`, the planned end of its model, and `follows`; None where there is none, or
    not `within`.
    """
    lives = ModelLife.objects.order_by().filter(
        subscription_id=Lower(OuterRef("account__subscription_id")),
        region=OuterRef("account__region"),
        **{name: OuterRef(name) for name in ("model_format", *NAMES)},
        is_planned=True,
        **within,
    )
    ends, follows = lives.values("retires_at"), lives.values("successor")
    return rows.annotate(ends=Subquery(ends), follows=Subquery(follows))


def place_of(each: Deployment) -> Place:
    account = each.account
    return Place(
        account.subscription_id.lower(),
        account.region,
        each.model_name,
        each.model_version,
        each.sku_name,
    )


def _rules_of(at: datetime) -> tuple[dict[Version, ModelRule], dict[Version, ModelRule]]:
    """Those in force, and those to come."""
    found: tuple[dict[Version, ModelRule], dict[Version, ModelRule]] = ({}, {})
    for row in ModelRule.objects.open_at(at).select_related("recorded_by"):
        found[row.effective_from > at][row.model_name, row.model_version] = row
    return found


def rule_for(version: Version, rules: Mapping[Version, R]) -> R | None:
    """Its own, else that of every version."""
    return rules.get(version) or rules.get((version[0], ""))
