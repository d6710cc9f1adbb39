"""`manage.py pull_usage --days 93`: history now, instead of a few seconds at a time.

Fetches the same slices as the backfill, of which it marks the progress, then the newest hours, and
fills the days. Safe to stop (Ctrl-C) and to run again: what is done is not fetched twice. Exit
status: 0 when all is there, 1 when something could not be read, 130 when it was stopped.
"""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.kernel.clock import now
from portal.kernel.formatting_times import duration
from portal.kernel.windows import floor_to_day
from showback.domain.history import MOST_DAYS
from showback.models import Grain
from showback.selectors.history import history_progress
from showback.services import backfill, rollup
from showback.services.locks import LockBusy, pipeline_lock
from showback.services.usage_pull import pull_recent

STOPPED = 130  # as the shell has it for an interrupt


class Command(BaseCommand):
    help = "Pull the last days of usage (up to 93), then work out their cost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=7, help=f"1 to {MOST_DAYS}")
        parser.add_argument("--grain", choices=["minute", "hour"], default="minute")
        parser.add_argument("--again", action="store_true", help="also days that are there already")

    def handle(
        self, *, days: int, grain: str, verbosity: int, again: bool = False, **options: Any
    ) -> None:
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"Azure keeps {MOST_DAYS} days of metrics; ask for 1 to as many.")
        self.verbosity, self.begun = verbosity, monotonic()
        since = floor_to_day(now()) - timedelta(days=days)
        try:
            with pipeline_lock("backfill", wait=True):
                self._fetch(days, Grain(grain), since, again=again)
            self._work_out()
        except LockBusy:
            raise CommandError(
                "Another backfill has been running for a minute. Its progress is on the health "
                "page; run this again when it is over."
            ) from None
        except KeyboardInterrupt:
            left = backfill.to_do(grain=Grain(grain), since=since).count()
            message = f"Stopped; {left:,} pieces are left. What was fetched stays: "
            raise CommandError(message + "run it again to go on.", returncode=STOPPED) from None
        if left := backfill.to_do(grain=Grain(grain), since=since).count():
            self._say_troubles(since)
            raise CommandError(
                f"{left:,} pieces could not be read and are tried again by themselves; the rest is "
                "there. Run it again to try them now."
            )

    def _fetch(self, days: int, grain: Grain, since: datetime, *, again: bool) -> None:
        at = now()
        backfill.plan_backfill(at=at)
        if grain == Grain.MINUTE:
            backfill.plan_days(days, at=at, again_before=at if again else None)
        # Each stretch at its own moment: it may go on for an hour.
        while stretch := next(backfill.fetch(at=now(), grain=grain, since=since), None):
            self._say_stretch(stretch, since)

    def _work_out(self) -> None:
        at = now()
        self._say_problems(pull_recent(timedelta(hours=1), at=at).problems)
        self._say(f"usage is there until {at:%a %d %b, %H:%M} UTC")
        filled = rollup.fill_everything(at=now())
        self._say(f"cost of {len(filled)} days worked out")

    def _say_stretch(self, stretch: backfill.Stretch, since: datetime) -> None:
        day = f"{stretch.window.start:%a %d %b}"
        hours = f"{stretch.pulled.hours_read:,} deployment hours of {stretch.rows[0].region}"
        self._say(f"{day}: {hours}; {_how_far(stretch.rows[0].grain, since)}")
        self._say_problems(stretch.pulled.problems)

    def _say_troubles(self, since: datetime) -> None:
        for account in history_progress(at=now(), since=since).in_trouble:
            self.stderr.write(
                f"  {account.account}: {account.pieces_failed:,} pieces could not be read. "
                f"{account.problem}"
            )

    def _say_problems(self, problems: tuple[str, ...]) -> None:
        for problem in problems:
            self.stderr.write(f"  {problem}")

    def _say(self, sentence: str) -> None:
        if self.verbosity:
            self.stdout.write(f"{monotonic() - self.begun:5.1f} s  {sentence}")
            self.stdout.flush()


def _how_far(grain: str, since: datetime) -> str:
    """The same figures as on the health page, of the days that were asked for."""
    history = history_progress(at=now(), since=since)
    [progress] = [each for each in history.grains if each.grain == grain]
    left = f", about {duration(progress.to_go)} to go" if progress.to_go else ""
    return progress.words + left
