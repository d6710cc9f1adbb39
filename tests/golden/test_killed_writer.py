"""A worker process killed with -9 in the middle of a write to the simulated Azure."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection

from portal.kernel.windows import Window
from portal.management.clocks import TwoClocks
from quotas import tasks as quotas_tasks
from quotas.models import AccountLease, Change, Deployment, LedgerEntry, Pool
from quotas.services import mapping, pools
from quotas.services.asking import Draft
from quotas.services.decisions import approve
from quotas.services.requests import submit
from quotas.tests import factories
from stack.paths import PROJECT
from stack.simulator_process import SimulatorProcess
from tests.golden import world

RECONCILE = "from quotas.tasks import reconcile_now; reconcile_now()"
WAIT_SECONDS = 30


def a_granted_burst(clocks: TwoClocks) -> None:
    at = world.BURST_START - timedelta(minutes=30)
    clocks.set(at)
    quotas_tasks.sync_inventory()
    ada, cleo = factories.person("Ada"), factories.person("Cleo", factories.PLATFORM_OWNER)
    service = factories.service("Code completion", factories.team("Atlas", lead=ada), ada)
    deployment = mapping.map_deployment(Deployment.objects.get(), service=service, by=cleo, at=at)
    Pool.objects.update(lead=timedelta(0))
    pools.switch_mode(Pool.objects.allocatable().get(), mode="apply", by=cleo, at=at)
    window = Window(world.BURST_START, world.BURST_END)
    draft = Draft(
        service=service,
        deployment=deployment,
        units=world.EXTRA,
        starts_at=window.start,
        ends_at=window.end,
        occasion="launch",
        purpose="The launch.",
    )
    approve(submit(draft, by=ada, at=at), by=cleo, note="", at=at)


def start_worker() -> subprocess.Popen[bytes]:
    """The task in a process of its own, on the tests' database."""
    found = connection.settings_dict
    url = f"postgresql://{found['USER']}@/{found['NAME']}?host={found['HOST']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", RECONCILE],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": url},
    )


def wait_until_writing(worker: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not Change.objects.filter(state="writing").exists():
        assert worker.poll() is None, "the worker ended before it wrote"
        assert time.monotonic() < until, "the worker never began to write"
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("carried_out", [False, True])
def test_golden_path_a_killed_worker_is_finished_by_its_successor(
    carried_out: bool, simulated_azure: SimulatorProcess
) -> None:
    clocks = TwoClocks()
    try:
        a_granted_burst(clocks)
        clocks.set(world.BURST_START)
        simulated_azure.control(
            "POST", "/faults", {"match": "PATCH .*", "delay_seconds": 20, "times": 1}
        )
        worker = start_worker()
        wait_until_writing(worker)
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        simulated_azure.control("DELETE", "/faults")
        if carried_out:  # Azure did what it was asked although nobody was left to hear it
            units = world.HELD + world.EXTRA
            edit = {"account": "golden-eus2", "deployment": "code", "capacity": units}
            simulated_azure.control("POST", "/edit", edit)
        AccountLease.objects.update(expires_at=factories.utc("2020-01-01 00:00"))
        clocks.set(world.BURST_START + timedelta(minutes=2))
        quotas_tasks.reconcile_now()
        assert Change.objects.get().state == "succeeded"
        assert Deployment.objects.get().capacity_units == world.HELD + world.EXTRA
        assert LedgerEntry.objects.filter(kind="burst").count() == 1
    finally:
        clocks.back_to_real()
