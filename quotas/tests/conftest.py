"""The cast, and a small world: Ada leads Atlas, Ben is in it; Dan leads Delta; Cleo owns the
platform.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client

from portal.kernel.clock import real_now
from portal.models import User
from quotas import gateway
from quotas.models import CapacityRequest, Deployment, Pool, Service, Team
from quotas.services import apply, decisions, inventory, mapping, pools, reconcile
from quotas.services.asking import Draft
from quotas.services.requests import submit
from quotas.tests import factories, onboarding_world
from quotas.tests.factories import NOON, SUBSCRIPTION, FakeAzure, FakeEvidence, deployment_seen


@pytest.fixture
def ada(db: None) -> User:
    return factories.person("Ada")


@pytest.fixture
def ben(db: None) -> User:
    return factories.person("Ben")


@pytest.fixture
def cleo(db: None) -> User:
    return factories.person("Cleo", factories.PLATFORM_OWNER)


@pytest.fixture
def fay(db: None) -> User:
    return factories.person("Fay", factories.FINANCE)


@pytest.fixture
def dan(db: None) -> User:
    return factories.person("Dan")


@pytest.fixture
def atlas(ada: User, ben: User) -> Team:
    return factories.team("Atlas", lead=ada, member=ben)


@pytest.fixture
def delta(dan: User) -> Team:
    return factories.team("Delta", lead=dan)


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> FakeAzure:
    fake = FakeAzure().add(deployment_seen("chat", 100), deployment_seen("search", 200))
    monkeypatch.setattr(gateway, "capacity_gateway", lambda: fake)
    monkeypatch.setattr("quotas.tasks.capacity_gateway", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def usage(monkeypatch: pytest.MonkeyPatch) -> FakeEvidence:
    fake = FakeEvidence()
    monkeypatch.setattr("quotas.services.evidence.evidence_source", lambda: fake)
    monkeypatch.setattr("quotas.services.burst_reports.evidence_source", lambda: fake)
    monkeypatch.setattr("quotas.selectors.places.evidence_source", lambda: fake)
    monkeypatch.setattr("quotas.selectors.gateway_limits.evidence_source", lambda: fake)
    return fake


@pytest.fixture
def synced(azure: FakeAzure, db: None) -> FakeAzure:
    sync(azure)
    return azure


@pytest.fixture
def pool(synced: FakeAzure) -> Pool:
    """1,000 units, lead nought, observe-only; chat (100) and search (200) are adopted."""
    found = Pool.objects.get()
    found.lead = timedelta(0)
    found.save(update_fields=["lead"])
    return found


@pytest.fixture
def applying(pool: Pool, cleo: User) -> Pool:
    return pools.switch_mode(pool, mode="apply", by=cleo, at=NOON)


@pytest.fixture
def chat(pool: Pool, atlas: Team, ada: User, cleo: User) -> Service:
    """Ada's service, which holds the deployment chat."""
    found = factories.service("Chat assistant", atlas, ada)
    mapping.map_deployment(Deployment.objects.get(name="chat"), service=found, by=cleo, at=NOON)
    return found


@pytest.fixture
def search(pool: Pool, delta: Team, dan: User, cleo: User) -> Service:
    """Dan's service, which holds the deployment search."""
    found = factories.service("Search", delta, dan)
    mapping.map_deployment(Deployment.objects.get(name="search"), service=found, by=cleo, at=NOON)
    return found


def sync(azure: FakeAzure, at: datetime = NOON) -> None:
    inventory.sync_subscription(SUBSCRIPTION, gateway=azure, at=at)


def reconcile_at(azure: FakeAzure, at: datetime) -> None:
    """What the task does, at one frozen moment."""
    reconcile.plan_all(at=at)
    apply.apply_due(gateway=azure, now=lambda: at)


def draft(service: Service, **more: object) -> Draft:
    """40 units (under half of the 100 held) tomorrow from 10 to 18."""
    facts: dict[str, object] = {
        "service": service,
        "deployment": service.deployments.get(),
        "units": 40,
        "starts_at": factories.utc("2026-03-03 10:00"),
        "ends_at": factories.utc("2026-03-03 18:00"),
        "occasion": "launch",
        "purpose": "The launch.",
    }
    return Draft(**{**facts, **more})  # type: ignore[arg-type]


def ask(service: Service, by: User, *, at: datetime = NOON, **more: object) -> CapacityRequest:
    return submit(draft(service, **more), by=by, at=at)


def ask_often(service: Service, by: User, count: int) -> list[int]:
    """Ids, oldest first: one request that was asked for, and copies of its row."""
    one = ask(service, by, units=1)
    found = [one.pk]
    for _ in range(count - 1):
        one.pk = None
        one.save(force_insert=True)
        found.append(one.pk)
    return found


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    """The doors ask the clock, so for them it stands at NOON; `noon.move_to(…)` moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def browse(noon: time_machine.Traveller) -> Callable[[User], Client]:
    """browse(ada) is Ada's browser, signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def words_of(answer: HttpResponse) -> str:
    """What a person reads: the answer without its tags, blanks put together."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.content.decode())).split())


Browse = Callable[[User], Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def waiting(chat: Service, ada: User) -> CapacityRequest:
    """Ada asks for 60 of 100 units on top, tomorrow 10 to 18: more than the policy gives itself."""
    return ask(chat, ada, units=60)


@pytest.fixture
def granted(waiting: CapacityRequest, cleo: User) -> CapacityRequest:
    return decisions.approve(waiting, by=cleo, note="Good luck.", at=NOON)


@pytest.fixture
def next_week(chat: Service, ada: User) -> CapacityRequest:
    """The same in a week by the real clock, for the browser."""
    at = real_now()
    start = at + timedelta(days=7)
    return ask(chat, ada, at=at, units=60, starts_at=start, ends_at=start + timedelta(hours=8))


@pytest.fixture
def proposed(pool: Pool, atlas: Team, ada: User, ben: User, cleo: User) -> Service:
    """Ada has registered Claims letters: 40 units are asked for its first deployment."""
    return onboarding_world.register(atlas, ada, ben, by=ada)


@pytest.fixture
def approved(proposed: Service, cleo: User) -> Service:
    """Its first baseline is granted; Azure does not show the deployment yet."""
    first = onboarding_world.the_plan().request
    decisions.approve(first, by=cleo, note="Welcome.", at=NOON)
    return proposed
