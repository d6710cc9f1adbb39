"""`manage.py pull_usage --days 7`: history now, instead of a few seconds at a time.

Fetches the same slices as the backfill, of which it marks the progress, then the newest hours, and
fills the days. Safe to stop and to run again: what is done is not fetched twice.
"""

from argparse import ArgumentParser
from datetime import timedelta
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand

from portal.kernel.clock import now
from portal.kernel.windows import floor_to_day
from showback.models import Grain
from showback.services import backfill, rollup
from showback.services.usage_pull import pull_recent


class Command(BaseCommand):
    help = "Pull the last days of usage, then work out their cost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=7)
        parser.add_argument("--grain", choices=["minute", "hour"], default="minute")

    def handle(self, *, days: int, grain: str, verbosity: int, **options: Any) -> None:
        self.verbosity = verbosity
        at, begun = now(), monotonic()
        backfill.plan_backfill(at=at)
        since = floor_to_day(at) - timedelta(days=days)
        for stretch in backfill.fetch(at=at, grain=Grain(grain), since=since):
            self._say_stretch(stretch, begun)
        self._say_problems(pull_recent(timedelta(hours=1), at=at).problems)
        self._say(begun, f"usage is there until {at:%a %d %b, %H:%M} UTC")
        filled = rollup.fill_everything(at=now())
        self._say(begun, f"cost of {len(filled)} days worked out")

    def _say_stretch(self, stretch: backfill.Stretch, begun: float) -> None:
        day = f"{stretch.window.start:%a %d %b}"
        done = f"{stretch.pulled.hours_read:,} deployment hours of {stretch.rows[0].region}"
        self._say(begun, f"{day}: {done}")
        self._say_problems(stretch.pulled.problems)

    def _say_problems(self, problems: tuple[str, ...]) -> None:
        for problem in problems:
            self.stderr.write(f"  {problem}")

    def _say(self, begun: float, sentence: str) -> None:
        if self.verbosity:
            self.stdout.write(f"{monotonic() - begun:5.1f} s  {sentence}")
            self.stdout.flush()
