"""Azure moves models from one quota regime to another while bursts are on and to come.

Through the real SDK, against the simulated Azure and its live control of quota scopes.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from portal.kernel.clock import now
from portal.kernel.windows import FOREVER, HOUR, Window, floor_to_hour
from portal.management.clocks import TwoClocks
from portal.models import AuditRow, User
from quotas import tasks
from quotas.domain.ledger import steps_over
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service
from quotas.selectors.rooms import pool_entries, room_of
from quotas.services import decisions, mapping, pools
from quotas.services.asking import Draft
from quotas.services.requests import submit
from quotas.tests import factories
from stack import simulator_process
from stack.simulator_process import SimulatorProcess
from tests.conftest import forget_clients, point_portal_at

SUBSCRIPTION = "c0ffee00-0000-4000-8000-000000000005"
GLOBAL, ZONE = "OpenAI.GlobalStandard.gpt-4o", "OpenAI.DataZoneStandard.gpt-4o"
REGIONS = ("eastus2", "westus", "swedencentral")
LIMITS = {GLOBAL: 400, ZONE: 100}


def _account(region: str) -> dict[str, Any]:
    model = {"model": "gpt-4o", "version": "2024-11-20"}
    return {
        "subscription": SUBSCRIPTION,
        "resource_group": "rg",
        "name": f"acme-{region}",
        "region": region,
        "kind": "OpenAI",
        "deployments": [
            {**model, "name": f"chat-{region}", "sku": "GlobalStandard", "capacity": 100},
            {**model, "name": f"zone-{region}", "sku": "DataZoneStandard", "capacity": 20},
        ],
    }


WORLD = {
    "name": "three regions",
    "seed": 1,
    "subscriptions": [{"id": SUBSCRIPTION, "name": "Regimes", "quota_tier": "Tier 1"}],
    "limits": [
        {"subscription": SUBSCRIPTION, "region": region, "usage_name": name, "limit": limit}
        for region in REGIONS
        for name, limit in LIMITS.items()
    ],
    "accounts": [_account(region) for region in REGIONS],
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    folder = tmp_path_factory.mktemp("regimes")
    (folder / "world.json").write_text(json.dumps(WORLD))
    with simulator_process.start(folder / "azure", world=folder / "world.json") as process:
        yield process


@pytest.fixture
def azure(
    running: SimulatorProcess, settings: Any, monkeypatch: pytest.MonkeyPatch, db: None
) -> Iterator[SimulatorProcess]:
    running.control("POST", "/reset")
    point_portal_at(running, settings, monkeypatch)
    tasks.sync_inventory()
    yield running
    forget_clients()


@pytest.fixture
def clocks(azure: SimulatorProcess) -> Iterator[TwoClocks]:
    found = TwoClocks()
    yield found
    found.back_to_real()


@pytest.fixture
def services(azure: SimulatorProcess, ada: User, cleo: User) -> dict[str, Service]:
    """One service for each deployment, all of Ada's; every pool applies, without a lead."""
    team = factories.team("Atlas", lead=ada)
    found = {}
    for deployment in Deployment.objects.all():
        found[deployment.name] = factories.service(deployment.name, team, ada)
        mapping.map_deployment(deployment, service=found[deployment.name], by=cleo, at=now())
    Pool.objects.update(lead=timedelta(0))
    for pool in Pool.objects.allocatable():
        pools.switch_mode(pool, mode="apply", by=cleo, at=now())
    return found


def burst(service: Service, units: int, by: User, yes: User, *, hours: int = 24) -> CapacityRequest:
    """Granted, from `hours` from now on for five hours."""
    start = floor_to_hour(now()) + hours * HOUR
    draft = Draft(
        service, service.deployments.get(), units, start, start + 5 * HOUR, "launch", "The launch."
    )
    asked = submit(draft, by=by, at=now())
    if asked.state == "approved":
        return asked
    return decisions.approve(asked, by=yes, note="", at=now())


def move(azure: SimulatorProcess, scope: str, name: str = GLOBAL) -> None:
    azure.control("POST", "/quota-scope", {"usage_name": name, "scope": scope})


def limit(azure: SimulatorProcess, units: int, region: str, name: str = GLOBAL) -> None:
    body = {"subscription": SUBSCRIPTION, "region": region, "usage_name": name, "limit": units}
    azure.control("POST", "/limits", body)


def held_by_deployment(at: datetime) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in LedgerEntry.objects.in_force_at(at).select_related("deployment"):
        found[row.deployment.name] = found.get(row.deployment.name, 0) + row.units
    return found


def peak(pool: Pool, since: datetime) -> int:
    window = Window(since, FOREVER)
    return max(step.units for step in steps_over(pool_entries(pool, window), window))


def test_regional_pools_count_each_region_once(azure: SimulatorProcess) -> None:
    found = Pool.objects.filter(usage_name=GLOBAL)
    assert sorted(found.values_list("region", flat=True)) == sorted(REGIONS)
    assert [room_of(pool).limit_units for pool in found] == [400] * 3
    azure.control("POST", "/knobs", {"usage_scope_type": "Regional"})
    tasks.sync_inventory()
    assert Pool.objects.filter(usage_name=GLOBAL, gone_at=None).count() == 3
    assert not AuditRow.objects.filter(verb="deployment.pool_changed").exists()


def test_i01_a_model_moves_to_one_pool_of_the_subscription_with_all_its_bursts(
    azure: SimulatorProcess, services: dict[str, Service], ada: User, cleo: User
) -> None:
    burst(services["chat-eastus2"], 150, ada, cleo)
    burst(services["chat-swedencentral"], 60, ada, cleo)
    tomorrow = floor_to_hour(now()) + 26 * HOUR
    before = [held_by_deployment(at) for at in (now(), tomorrow)]
    former = list(Pool.objects.filter(usage_name=GLOBAL))

    move(azure, "Global")
    tasks.sync_inventory()

    shared = Pool.objects.get(usage_name=GLOBAL, gone_at=None)
    at = now()
    assert (shared.scope_type, shared.place, shared.kind) == ("Global", "all regions", "tokens")
    assert [held_by_deployment(t) for t in (at, tomorrow)] == before
    for pool in former:
        pool.refresh_from_db()
        assert (pool.successor, bool(pool.gone_at)) == (shared, True)
        assert peak(pool, at) == 0
    limits = room_of(shared)
    assert (limits.limit_units, limits.outside_units) == (400, 0)  # not three times over
    # 300 held, 210 promised for tomorrow, 400 in all: Azure's move, so an alarm, and no new grant.
    assert peak(shared, at) == 510
    assert set(Deployment.objects.filter(sku_name="GlobalStandard").values_list("pool")) == {
        (shared.pk,)
    }
    with pytest.raises(Exception, match="do not fit"):
        burst(services["chat-westus"], 10, ada, cleo)


def test_i02_what_was_moved_leaves_no_gap_and_no_double(
    azure: SimulatorProcess, services: dict[str, Service], ada: User, cleo: User
) -> None:
    asked = burst(services["chat-westus"], 60, ada, cleo)
    move(azure, "Global")
    tasks.sync_inventory()
    rows = LedgerEntry.objects.filter(deployment=asked.deployment)
    kept = [(r.window, r.units) for r in rows.filter(request=asked, is_reissued=False)]
    again = [(r.window, r.units) for r in rows.filter(request=asked, is_reissued=True)]
    assert kept == again
    steps = steps_over(
        pool_entries(Pool.objects.get(usage_name=GLOBAL, gone_at=None), Window(now(), FOREVER)),
        Window(now(), FOREVER),
    )
    assert [step.units for step in steps] == [300, 360, 300]
    moved = LedgerEntry.objects.count()
    tasks.sync_inventory()
    assert LedgerEntry.objects.count() == moved


def test_a_burst_that_was_moved_starts_and_ends_in_azure(
    azure: SimulatorProcess, services: dict[str, Service], ada: User, cleo: User, clocks: TwoClocks
) -> None:
    asked = burst(services["chat-westus"], 60, ada, cleo)
    move(azure, "Global")
    tasks.sync_inventory()
    assert Pool.objects.get(usage_name=GLOBAL, gone_at=None).applies

    def has(at: datetime) -> int:
        clocks.set(at)
        for _ in range(3):
            tasks.sync_inventory()
            tasks.reconcile_now()
        return Deployment.objects.get(name="chat-westus").capacity_units

    assert has(asked.starts_at) == 160
    assert has(asked.ends_at) == 100


def test_a_data_zone_gets_one_pool_and_other_zones_theirs(
    azure: SimulatorProcess, services: dict[str, Service], ada: User, cleo: User
) -> None:
    burst(services["zone-eastus2"], 10, ada, cleo)
    move(azure, "DataZone", ZONE)
    tasks.sync_inventory()
    listed = Pool.objects.filter(usage_name=ZONE, gone_at=None)
    assert sorted(pool.place for pool in listed) == ["data zone EU", "data zone US"]
    us, eu = sorted(listed, key=lambda pool: pool.scope_id, reverse=True)
    assert (peak(us, now()), peak(eu, now())) == (50, 20)
    former = Pool.objects.filter(usage_name=ZONE).exclude(gone_at=None)
    assert {pool.region: pool.successor for pool in former} == {
        "eastus2": us, "westus": us, "swedencentral": eu,
    }  # fmt: skip
    assert Pool.objects.filter(usage_name=GLOBAL, gone_at=None).count() == 3  # that model stayed


def test_pools_taken_apart_again_have_what_their_regions_hold(
    azure: SimulatorProcess, services: dict[str, Service]
) -> None:
    move(azure, "Global")
    tasks.sync_inventory()
    move(azure, "Regional")
    tasks.sync_inventory()
    found = Pool.objects.filter(usage_name=GLOBAL, gone_at=None)
    assert sorted(pool.place for pool in found) == sorted(REGIONS)
    assert [peak(pool, now()) for pool in found] == [100, 100, 100]
    assert [pool.successor for pool in found] == [None] * 3
    shared = Pool.objects.get(usage_name=GLOBAL, scope_type="Global")
    assert (bool(shared.gone_at), shared.successor) == (True, None)


def test_the_successor_takes_over_what_people_had_set(
    azure: SimulatorProcess, services: dict[str, Service], cleo: User
) -> None:
    olga = factories.person("Olga")
    east, west, north = (Pool.objects.get(usage_name=GLOBAL, region=r) for r in REGIONS)
    Pool.objects.filter(pk=east.pk).update(reserve_units=30, lead=timedelta(minutes=20))
    Pool.objects.filter(pk=west.pk).update(reserve_units=12)
    north.owners.add(olga)
    pools.switch_mode(north, mode="observe", by=cleo, at=now())
    move(azure, "Global")
    tasks.sync_inventory()
    shared = Pool.objects.get(usage_name=GLOBAL, gone_at=None)
    assert (shared.reserve_units, shared.lead) == (42, timedelta(minutes=20))
    assert list(shared.owners.all()) == [olga]
    assert not shared.applies  # an owner of one of the three had said: write nothing
    row = AuditRow.objects.get(verb="pool.settings_taken_over")
    assert sorted(row.detail["former"]) == sorted([east.pk, west.pk, north.pk])


def test_a_region_that_cannot_be_read_loses_no_pool(
    azure: SimulatorProcess, services: dict[str, Service]
) -> None:
    fault = {"match": "GET .*/locations/westus/usages", "status": 403, "times": 20}
    azure.control("POST", "/faults", fault)
    tasks.sync_inventory()
    assert not Pool.objects.exclude(gone_at=None).exists()


def test_the_former_pool_leads_to_its_successor(
    azure: SimulatorProcess, services: dict[str, Service], ada: User, client: Any
) -> None:
    east = Pool.objects.get(usage_name=GLOBAL, region="eastus2")
    move(azure, "Global")
    tasks.sync_inventory()
    shared = Pool.objects.get(usage_name=GLOBAL, gone_at=None)
    client.force_login(ada)
    shown = client.get(reverse("pool", args=[east.pk])).content.decode()
    assert "Azure lists this pool no more." in shown
    assert f'href="{reverse("pool", args=[shared.pk])}"' in shown
    index = client.get(reverse("pools"))
    assert [row.id for row in index.context["pools"].rows if row.usage_name == GLOBAL] == [
        shared.pk
    ]
    assert len(index.context["pools"].former) == 3
