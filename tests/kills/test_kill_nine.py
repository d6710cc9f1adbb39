"""Worker, schedule and database killed with -9 during a plan: whoever follows ends the same.

Two subscriptions alike: in one the same plans are made without any trouble.
"""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from portal.management.benches.azure_judge import moments_above, steps_of
from portal.management.benches.simulated_azure import UNITS, world_of
from stack.pytest_plugin import make_folder, scratch_base
from tests.kills.house import House, house

QUIET, ROUGH = (f"00000000-0000-4000-8000-{n:012}" for n in (0, 1))
GIVEN = 5
SETTLED = (
    "SELECT count(*) = %s AND bool_and(c.state = 'succeeded') FROM quotas_change c JOIN"
    " quotas_deployment d ON d.id = c.deployment_id WHERE d.resource_key LIKE %s"
)
ONE_IS = (
    "SELECT count(*) > 0 FROM quotas_change c JOIN quotas_deployment d ON d.id = c.deployment_id"
    " WHERE c.state = %s AND d.resource_key LIKE %s"
)
FINISHED = (
    "SELECT d.name, c.from_units, c.to_units, c.state, c.read_back_units, (SELECT count(*) FROM"
    " portal_auditrow a WHERE a.verb = 'change.succeeded' AND a.subject = 'change/' || c.id)"
    " FROM quotas_change c JOIN quotas_deployment d ON d.id = c.deployment_id"
    " WHERE d.resource_key LIKE %s ORDER BY c.id"
)
LEDGER = (
    "SELECT d.name, e.units, e.kind FROM quotas_ledgerentry e JOIN quotas_deployment d"
    " ON d.id = e.deployment_id WHERE d.resource_key LIKE %s ORDER BY 1, 2"
)


@pytest.fixture
def running(db: None) -> Iterator[House]:
    folder = make_folder(scratch_base())
    world = folder / "world.json"
    world.write_text(json.dumps(world_of(2, 2, in_a_subscription=1)))
    found = connection.settings_dict
    source = f"postgresql://{found['USER']}@/{found['NAME']}?host={found['HOST']}"
    try:
        with house(folder, world, source) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def of(subscription: str) -> str:
    return f"/subscriptions/{subscription}/%"


def all_of(running: House, subscription: str) -> dict[str, Any]:
    """Everything that may differ, without ids and times."""
    azure = running.azure.control("GET", "/state")
    return {
        "changes": running.ask(FINISHED, [of(subscription)]),
        "ledger": running.ask(LEDGER, [of(subscription)]),
        "azure": [
            (key.rsplit("/", 1)[1], units)
            for _, key, units in steps_of(azure)
            if subscription in key
        ],
    }


def test_i10_after_kill_9_of_worker_beat_and_database_the_end_is_that_of_an_undisturbed_run(
    running: House,
) -> None:
    knobs = {"write_form": "async", "operation_seconds": 1.0}
    running.azure.control("POST", "/knobs", knobs)
    worker, beat = running.start("worker"), running.start("beat")
    for n, units in enumerate((GIVEN, 2 * GIVEN), start=1):
        running.move(QUIET, units)
        running.until(SETTLED, 2 * n, of(QUIET))

    slow = {"match": "^PATCH", "delay_seconds": 5, "times": 1}
    running.azure.control("POST", "/faults", slow)
    running.move(ROUGH, GIVEN)
    running.until(ONE_IS, "writing", of(ROUGH))  # nobody will hear Azure's answer
    running.kill(worker)
    running.kill(beat)
    running.leases_run_out()
    worker, beat = running.start("worker"), running.start("beat")
    running.until(SETTLED, 2, of(ROUGH))

    running.move(ROUGH, 2 * GIVEN)
    running.until(ONE_IS, "polling", of(ROUGH))
    running.kill_database()
    running.start_database()
    running.leases_run_out()
    running.until(SETTLED, 4, of(ROUGH))

    assert all_of(running, ROUGH) == all_of(running, QUIET)
    state = running.azure.control("GET", "/state")
    assert moments_above(steps_of(state), {QUIET: 2 * UNITS, ROUGH: 2 * UNITS}) == 0
