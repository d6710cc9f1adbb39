"""`manage.py advance --to T`: steps the portal's and the simulated Azure's clock to T."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.management.clocks import TwoClocks
from portal.management.stepper import Stop, advance


class Command(BaseCommand):
    help = (
        "Steps both clocks to each next due moment (edges, retries, the schedule's slots) up to "
        "T and runs the same tasks there. T is ISO 8601 in UTC, or +6h, +2d, +30m."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, metavar="T")
        parser.add_argument(
            "--edges-only",
            action="store_true",
            help="only burst edges and retries; pull no usage on the way (much faster)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        clocks = TwoClocks()
        until = parse_target(options["to"], clocks.now())
        made = advance(clocks, until, with_schedule=not options["edges_only"], report=self.report)
        self.stdout.write(f"{made} moments; it is now {until:%a %d %b %Y, %H:%M} UTC.")

    def report(self, stop: Stop) -> None:
        if not stop.is_slot or stop.at.minute == 0:
            self.stdout.write(f"  {stop.at:%a %d %b %H:%M:%S}")


UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_target(text: str, at: datetime) -> datetime:
    """ISO 8601 (UTC where it names no offset), or `+` a number and m, h or d.

    Raises CommandError when it is neither, or not in the future of `at`.
    """
    try:
        if text.startswith("+"):
            target = at + int(text[1:-1]) * UNITS[text[-1]]
        else:
            target = datetime.fromisoformat(text)
    except (ValueError, KeyError, IndexError):
        raise CommandError(f"{text!r} is no time. Write 2026-03-02T10:00 or +6h.") from None
    target = target.replace(tzinfo=UTC) if target.tzinfo is None else target.astimezone(UTC)
    if target <= at:
        raise CommandError(f"It is {at:%Y-%m-%dT%H:%M} already; time is stepped forward only.")
    return target
