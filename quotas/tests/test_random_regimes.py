"""Azure moves a model between quota of a region, of a data zone and of the whole subscription.

In any order, with regions that cannot be read, while bursts are asked for and given back.

Whatever happens, each deployment is counted once at each instant, in one pool.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portal.kernel.errors import DomainError
from portal.kernel.units import UnitRate
from portal.kernel.windows import FOREVER, MINUTE, Window
from portal.models import User
from quotas.domain.ledger import Entry, steps_over, units_at
from quotas.gateway import AccountSeen, DeploymentSeen, Inventory, ModelSkuSeen, QuotaSeen
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service, Team
from quotas.selectors.rooms import by_pool
from quotas.services import decisions, inventory, mapping
from quotas.services.give_back import give_back
from quotas.tests import factories
from quotas.tests.conftest import ask
from quotas.tests.factories import NOON, SUBSCRIPTION, FakeAzure, deployment_seen

USAGE = "OpenAI.GlobalStandard.gpt-4o"
REGIONS = ("eastus", "swedencentral", "westus")
ZONES = {"eastus": "US", "westus": "US", "swedencentral": "EU"}
BASE = 100
HORIZON = Window(NOON, NOON + timedelta(days=30))


def account(region: str) -> str:
    return factories.ACCOUNT.replace("/accounts/acme", f"/accounts/acme-{region}")


def chat_in(region: str) -> DeploymentSeen:
    name = f"chat-{region}"
    place = {"resource_id": f"{account(region)}/deployments/{name}"}
    return replace(deployment_seen(name, BASE), account_resource_id=account(region), **place)


@dataclass
class World:
    """Three regions with one deployment each; `scopes` says how far quota reaches."""

    scopes: str = "region"
    lost: frozenset[str] = frozenset()

    def bucket(self, region: str) -> tuple[str, str]:
        if self.scopes == "global":
            return "Global", SUBSCRIPTION
        return ("DataZone", ZONES[region]) if self.scopes == "zone" else ("", "")

    def inventory(self, subscription_id: str) -> Inventory:
        read = [region for region in REGIONS if region not in self.lost]
        buckets: dict[tuple[str, ...], list[str]] = {}
        for region in read:
            own = (region,) if self.scopes == "region" else ()
            buckets.setdefault((*self.bucket(region), *own), []).append(region)
        return Inventory(
            subscription_id,
            tuple(
                AccountSeen(account(r), subscription_id, "rg", f"acme-{r}", r, "OpenAI")
                for r in REGIONS
            ),
            tuple(chat_in(region) for region in read),
            tuple(
                QuotaSeen(subscription_id, rs[0], scope[0], scope[1], USAGE, 5000, BASE * len(rs),
                          tuple(rs))
                for scope, rs in buckets.items()
            ),
            tuple(
                ModelSkuSeen(r, "OpenAI", "gpt-4o", "2024-11-20", "GlobalStandard", USAGE, 1, 5000,
                             1, UnitRate(1000, 6))
                for r in read
            ),
            unreadable_accounts=tuple(account(region) for region in self.lost),
        )  # fmt: skip


Counted = dict[tuple[int, int], int]  # units by pool and deployment


@dataclass
class Life:
    """The world, and beside it what each deployment ought to have; `seen` is what was counted where
    at moments that have passed since.
    """

    services: dict[str, Service]
    ada: User
    cleo: User
    world: World = field(default_factory=World)
    at: datetime = NOON
    granted: dict[int, Entry] = field(default_factory=dict)  # given back: under its minus
    seen: list[tuple[datetime, Counted]] = field(default_factory=list)

    def sync(self) -> None:
        azure: FakeAzure = self.world  # type: ignore[assignment]
        inventory.sync_subscription(SUBSCRIPTION, gateway=azure, at=self.at)

    def move(self, region: str, number: int) -> None:
        self.world.scopes = ("region", "zone", "global")[number % 3]
        self.world.lost = frozenset([region]) if number % 5 == 0 else frozenset()
        self.sync()

    def burst(self, region: str, number: int) -> None:
        """From up to 5 hours from now on, for up to 8."""
        start = self.at + timedelta(minutes=number * 7)
        window = {"starts_at": start, "ends_at": start + timedelta(minutes=30 + number * 11)}
        service = self.services[region]
        asked = ask(service, self.ada, at=self.at, units=1 + number, **window)
        if asked.state != "approved":
            asked = decisions.approve(asked, by=self.cleo, note="", at=self.at)
        row = LedgerEntry.objects.get(request=asked, kind="burst")
        self.granted[asked.pk] = Entry(row.deployment_id, row.units, row.window)

    def give_back(self, region: str, number: int) -> None:
        standing = sorted(number for number in self.granted if number > 0)
        if not standing:
            return
        chosen = standing[number % len(standing)]
        give_back(CapacityRequest.objects.get(pk=chosen), by=self.ada, reason="", at=self.at)
        entry = self.granted.pop(chosen)
        if self.at > entry.window.start:
            window = Window(entry.window.start, self.at)
            self.granted[-chosen] = replace(entry, window=window)

    def expected(self, deployment: int) -> list[Entry]:
        base = Entry(deployment, BASE, Window(NOON, FOREVER))
        return [base, *(e for e in self.granted.values() if e.deployment_id == deployment)]

    def check(self) -> None:
        """I1, I2: at every instant each deployment has its units, all in one pool, from now on in
        the one that feeds it; and no past count has moved.
        """
        rows = list(by_pool(LedgerEntry.objects.all()))
        moments = {e.window.start for _, e in rows} | {e.window.end for _, e in rows} | {self.at}
        for deployment in Deployment.objects.all():
            own = [(pool, e) for pool, e in rows if e.deployment_id == deployment.pk]
            together = steps_over([e for _, e in own], HORIZON)
            assert together == steps_over(self.expected(deployment.pk), HORIZON)
            for at in (m for m in moments if m in HORIZON):
                by = {pool: units_at([e for p, e in own if p == pool], at) for pool, _ in own}
                assert min(by.values()) >= 0
                holding = [pool for pool, units in by.items() if units]
                assert len(holding) == 1
                assert at < self.at or holding == [deployment.pool_id]
        for at, counted in self.seen:
            assert count(rows, at) == counted
        self.seen.append((self.at, count(rows, self.at)))


def count(rows: list[tuple[int, Entry]], at: datetime) -> Counted:
    found: Counted = {}
    for pool, entry in rows:
        key = pool, entry.deployment_id
        found[key] = found.get(key, 0) + (entry.units if at in entry.window else 0)
    return {key: units for key, units in found.items() if units}


event = st.tuples(
    st.sampled_from(["move", "move", "burst", "burst", "give_back"]),
    st.sampled_from(REGIONS),
    st.integers(0, 44),
    st.integers(1, 240),  # minutes until the next one
)


@given(events=st.lists(event, min_size=4, max_size=12))
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_i01_i02_each_deployment_is_counted_once_whatever_azure_does_to_its_quota(
    atlas: Team, ada: User, cleo: User, events: list[tuple[str, str, int, int]]
) -> None:
    with transaction.atomic():
        services = {region: factories.service(f"Chat {region}", atlas, ada) for region in REGIONS}
        life = Life(services, ada, cleo)
        life.sync()
        Pool.objects.update(lead=timedelta(0))
        for region, service in services.items():
            deployment = Deployment.objects.get(name=f"chat-{region}")
            mapping.map_deployment(deployment, service=service, by=cleo, at=NOON)
        for kind, region, number, minutes in events:
            with suppress(DomainError), transaction.atomic():
                getattr(life, kind)(region, number)
            life.check()
            life.at += minutes * MINUTE
        life.world.lost = frozenset()
        life.sync()
        life.check()
        transaction.set_rollback(True)
