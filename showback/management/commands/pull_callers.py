"""`manage.py pull_callers --days 28`: callers out of gateway logs, further back than by itself.

Day by day, newest first, then the cost of the days. Safe to stop and to run again.
"""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from portal.kernel.clock import now
from portal.kernel.windows import DAY, Window, floor_to_day, floor_to_minute
from showback.services import rollup
from showback.services.caller_pull import pull_source, workspaces


class Command(BaseCommand):
    help = "Pull callers of shared deployments from the gateway logs of the last days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=7)

    def handle(self, *, days: int, **options: Any) -> None:
        at = now()
        for source in workspaces(at=at):
            for back in range(days + 1):
                start = floor_to_day(at) - timedelta(days=back)
                window = Window(start, min(start + DAY, floor_to_minute(at) + timedelta(minutes=1)))
                pulled = pull_source(source, window, at=at)
                self.stdout.write(
                    f"{source.name}, {start:%a %d %b}: {pulled.hours_changed} hours changed"
                )
                for problem in pulled.problems:
                    self.stderr.write(f"  {problem}")
        self.stdout.write(f"cost of {len(rollup.fill_everything(at=now()))} days worked out")
