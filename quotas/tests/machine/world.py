"""The world of the machine: two teams, one pool, everybody who may ask or decide; and its undoing.

Ada and Olga lead Atlas (services chat and bot), Dan leads Delta (search). Cleo owns the platform,
and with Olga the pool; Fay does the money, Nils is asked once a request was escalated, Gus holds no
role: he decides where somebody lets him.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection, models

from portal.models import User
from quotas.domain.policy_rules import Condition, Operator, Outcome, Policy, Rule, StageRule
from quotas.domain.stages import ALL_OF, ANY_OF, FINANCE, POOL_OWNERS, Stage
from quotas.models import Deployment, PolicyVersion, Pool, Service
from quotas.services import inventory, mapping
from quotas.tests import factories
from quotas.tests.factories import NOON, SUBSCRIPTION, FakeAzure, deployment_seen, person

OWNERS = Stage("Owners", ANY_OF, POOL_OWNERS, 48)
ALL_OWNERS = Stage("All owners", ALL_OF, POOL_OWNERS, 48)
MONEY = Stage("Finance", ANY_OF, FINANCE, 72)
LIMIT = 1000  # of which 350 are held by the deployments that are adopted


@dataclass
class World:
    """`people` and `services` by their names in lower case."""

    people: dict[str, User]
    services: dict[str, Service]
    kept: dict[type[models.Model], int]

    @property
    def pool(self) -> Pool:
        return Pool.objects.get()

    def deployment(self, name: str) -> Deployment:
        return Deployment.objects.select_related("pool", "account", "service").get(name=name)

    def askers_of(self, service: str) -> list[User]:
        names = ("dan",) if service == "search" else ("ada", "olga")
        return [self.people[name] for name in names]

    def start_again(self, lead: Any) -> None:
        """As it was made: every row that came since goes. Cheaper than tables made empty."""
        rows = (
            f'DELETE FROM "{model._meta.db_table}" WHERE id > {last}'  # noqa: S608
            for model, last in self.kept.items()
        )
        with connection.cursor() as cursor:
            # Triggers and foreign keys rest meanwhile: the ledger forbids what a test may do.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("; ".join(rows))
            cursor.execute("SET session_replication_role = origin")
        Pool.objects.update(lead=lead, reserve_units=0)


def make_world() -> World:
    """Through the services, as an installation begins."""
    names = ("Ada", "Ben", "Dan", "Gus", "Nils", "Olga")
    people = {name.lower(): person(name) for name in names}
    people["cleo"] = person("Cleo", factories.PLATFORM_OWNER)
    people["fay"] = person("Fay", factories.FINANCE)
    atlas = factories.team("Atlas", lead=people["ada"], member=people["ben"])
    factories.team("Atlas", lead=people["olga"])
    delta = factories.team("Delta", lead=people["dan"])
    azure = FakeAzure(limit_units=LIMIT).add(
        deployment_seen("chat", 100), deployment_seen("bot", 50), deployment_seen("search", 200)
    )
    inventory.sync_subscription(SUBSCRIPTION, gateway=azure, at=NOON)
    services = {
        "chat": factories.service("Chat", atlas, people["ada"]),
        "bot": factories.service("Bot", atlas, people["olga"]),
        "search": factories.service("Search", delta, people["dan"]),
    }
    for name, service in services.items():
        seen = Deployment.objects.get(name=name)
        mapping.map_deployment(seen, service=service, by=people["cleo"], at=NOON)
    pool = Pool.objects.get()
    pool.owners.add(people["olga"], people["cleo"])
    pool.fallback_approvers.add(people["nils"])
    publish(20, at=NOON)
    return World(people, services, _last_rows())


def publish(little: int, *, at: datetime) -> None:
    """So many units by themselves; up to 300 an owner; up to 400 an owner and then finance; more
    than that, every owner and finance. Three of 300 are more than there is.
    """

    def up_to(units: int) -> tuple[Condition, ...]:
        return (Condition("extra_units", Operator.AT_MOST, units),)

    one, two, all_of = StageRule(OWNERS), StageRule(MONEY), StageRule(ALL_OWNERS)
    rules = (
        Rule("Little", Outcome.AUTO, conditions=up_to(little)),
        Rule("Some", Outcome.STAGES, conditions=up_to(300), stages=(one,)),
        Rule("Much", Outcome.STAGES, conditions=up_to(400), stages=(one, two)),
        Rule("Most", Outcome.STAGES, stages=(all_of, two)),
    )
    newest = PolicyVersion.objects.values_list("number", flat=True).first() or 0
    content = Policy(rules, longest_hours=24 * 14).as_json()
    PolicyVersion.objects.create(number=newest + 1, content=content, published_at=at)


def _last_rows() -> dict[type[models.Model], int]:
    """Of every table with numbered rows: the newest that belongs to the world itself."""
    found = (
        model
        for app in ("portal", "quotas")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        if isinstance(model._meta.pk, models.AutoField)
    )
    return {model: model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            for model in found}  # type: ignore[attr-defined]  # fmt: skip
