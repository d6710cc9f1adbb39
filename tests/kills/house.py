"""A small house of real processes: database, broker, simulated Azure, worker and schedule.

The database is a server of its own, so that it may be killed; its tables are those of the tests'.
The schedule runs every half-second what beat runs every half-minute.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from portal.kernel.windows import FOREVER
from stack import simulator_process
from stack.demo import portal_commands
from stack.environment import base_environment, portal_variables
from stack.paths import StackError, last_lines
from stack.postgres import Postgres, first_number
from stack.processes import running_process
from stack.simulator_process import SimulatorProcess
from stack.supervisor import Child, Supervisor
from stack.valkey import Valkey

DATABASE = "headroom"
PATIENCE_SECONDS = 90
SLOT_SECONDS = 0.5
FAST_BEAT = f"""
from portal.celery import app
job = {{"task": "quotas.tasks.reconcile", "schedule": {SLOT_SECONDS}, "options": {{"expires": 5}}}}
app.conf.update(beat_schedule={{"reconcile": job}}, beat_max_loop_interval=0.2)
app.start(["beat", "--schedule", "{{}}", "-l", "warning"])
"""
FIRST_SIGHT = """
from quotas.models import Pool
from quotas.tasks import sync_inventory
sync_inventory()
Pool.objects.update(mode="apply")
"""
MOVE = """
INSERT INTO quotas_ledgerentry (pool_id, deployment_id, units, kind, reverses_id,
    effective_from, effective_until, recorded_at, is_reissued, reason)
SELECT e.pool_id, d.id, m.factor * %(units)s, m.kind, CASE WHEN m.factor < 0 THEN e.id END,
    now(), %(forever)s, now(), false, ''
FROM (VALUES ('d0', -1, 'reversal'), ('d1', 1, 'burst')) AS m (name, factor, kind)
JOIN quotas_deployment d ON d.name = m.name AND d.resource_key LIKE %(mine)s
JOIN quotas_ledgerentry e ON e.deployment_id = d.id AND e.kind = 'adopted'
"""


@dataclass
class House:
    folder: Path
    database: Postgres
    azure: SimulatorProcess
    supervisor: Supervisor
    environment: dict[str, str]

    def start(self, name: str) -> Child:
        """`worker` or `beat`."""
        if name == "worker":
            command = portal_commands(0, self.folder)["worker"]
        else:
            schedule = self.folder / f"beat-{time.monotonic()}"
            command = [sys.executable, "-c", FAST_BEAT.replace("{}", str(schedule))]
        return self.supervisor.start(name, command, self.environment)

    def kill(self, child: Child) -> None:
        """With -9, and what it has forked with it."""
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait(10)
        self.supervisor.children.remove(child)

    def kill_database(self) -> None:
        """With -9; what it has forked follows it by itself."""
        number = first_number(self.database.data / "postmaster.pid")
        server = running_process(number or 0, name_prefix="postgres")
        assert server is not None
        server.kill()

    def start_database(self) -> None:
        """A server's last processes may keep its memory for a moment."""

        def is_up() -> bool:
            try:
                return bool(self.database.start())
            except StackError:
                return False

        assert self.supervisor.wait_until(is_up, seconds=PATIENCE_SECONDS)

    def ask(self, query: str, values: Any = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url(DATABASE), autocommit=True) as line:
            cursor = line.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def leases_run_out(self) -> None:
        """As they do by themselves, in 90 seconds."""
        self.ask("UPDATE quotas_accountlease SET expires_at = now()")

    def until(self, query: str, *values: object) -> None:
        """Waits until the answer is true. Fails when a process ends by itself meanwhile."""

        def is_so() -> bool:
            return bool(self.ask(query, values)[0][0])

        logs = [child.log for child in self.supervisor.children]
        if not self.supervisor.wait_until(is_so, seconds=PATIENCE_SECONDS):
            said = "\n".join(line for log in logs for line in last_lines(log, 8))
            raise AssertionError(f"never true: {query} {values}\n{said}")

    def move(self, subscription: str, units: int) -> None:
        """From now on so many units of the account's first deployment are its second's."""
        mine = f"/subscriptions/{subscription}/%"
        self.ask(MOVE, {"units": units, "forever": FOREVER, "mine": mine})


@contextmanager
def house(folder: Path, world: Path, source_url: str) -> Iterator[House]:
    """With the tables of the database at `source_url`, and Azure read once."""
    # Not one that may forget what it said yes to: it is killed.
    database = Postgres(folder / "postgres").start()
    database.create_database(DATABASE)
    broker = Valkey(folder / "valkey", throw_away=True).start()
    tables, bin_folder = database.folder / "tables.sql", database.programs
    database.user.run(bin_folder / "pg_dump", "-f", tables, source_url)
    database.user.run(bin_folder / "psql", "-q", "-f", tables, database.url(DATABASE))
    supervisor = Supervisor(folder / "logs", mark=str(folder))
    try:
        with simulator_process.start(folder / "azure", world=world) as azure:
            variables = portal_variables(
                folder, database_url=database.url(DATABASE), redis_url=broker.url
            )
            environment = base_environment() | variables | azure.environment
            found = House(folder, database, azure, supervisor, environment)
            shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", FIRST_SIGHT]
            supervisor.finish(supervisor.begin("first-sight", shell, environment))
            yield found
            supervisor.stop()
    finally:
        supervisor.stop()
        broker.stop()
        database.stop(how="immediate")
