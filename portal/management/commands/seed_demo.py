"""`manage.py seed_demo`: makes the demo organisation once; later calls only wake what is not
stored.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from portal import audit
from portal.kernel.clock import now, real_now
from portal.management.clocks import TwoClocks
from portal.management.demo import open_today, people, story
from portal.models import AuditRow
from quotas import tasks as quotas_tasks
from quotas.models import Team
from showback import tasks as showback_tasks

SEEDED = "demo.seeded"


class Command(BaseCommand):
    help = "Makes the demo organisation and two months of its history. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.MODE != "demo":
            raise CommandError("Only the demo is seeded: run ./headroom demo.")
        clocks = TwoClocks()
        # The simulated Azure forgets its faults when it restarts.
        story.refuse_writes(clocks)
        if AuditRow.objects.filter(verb=SEEDED).exists():
            self.stdout.write("The demo organisation is there already.")
            return
        if Team.objects.exists():
            raise CommandError(
                "An earlier start was interrupted while it made the demo organisation. "
                "Start over with ./headroom demo --reset."
            )
        self.seed(clocks)

    def seed(self, clocks: TwoClocks) -> None:
        today = real_now()
        start = story.beginning(today)
        with self.step("people, teams, services, prices"):
            people.create_everyone(at=start)
            call_command("load_prices", verbosity=0)
        with self.step("two months of requests, applied in the simulated Azure"):
            clocks.set(start)
            story.install(at=start)
            story.share(at=start)
            story.live_through(story.past_scenes(today), clocks, today)
            story.read_old_messages(today)
            story.edit_in_azure(clocks)
            story.announce_retirement(clocks, today)
            clocks.back_to_real()
            quotas_tasks.sync_inventory()
        with self.step("the last week of usage, minute by minute"):
            call_command("pull_usage", days=7, verbosity=0)
        with self.step("the callers of the last two days"):
            showback_tasks.pull_callers_nightly()
            story.map_callers(at=now())
            story.limit_in_gateway(at=now())
            showback_tasks.roll_up_and_cost()
        with self.step("what is open today"):
            people.note_visits(at=now())
            for scene in open_today.present_scenes(now()):
                scene.act(now())
            quotas_tasks.reconcile_now()
            quotas_tasks.tell_news()
            quotas_tasks.time_out_requests()
        audit.record(SEEDED, "demo", actor_id=None, at=now())

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.stdout.write(f"{what}: {time.monotonic() - began:.1f} s")
