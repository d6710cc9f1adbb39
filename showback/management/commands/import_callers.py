"""`manage.py import_callers FILE --gateway NAME`: gateway aggregates out of a CSV file.

All lines or none; the format is in `docs/reference/gateway-csv.md`. Safe to run again.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.kernel.clock import now
from showback.services.caller_import import import_callers


class Command(BaseCommand):
    help = "Import callers of shared deployments from a CSV file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--gateway", required=True, help="the name that its files go by")

    def handle(self, *, file: Path, gateway: str, **options: Any) -> None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        found = import_callers(gateway, content, by=None, at=now())
        if found.problems:
            listed = "\n".join(f"  {problem}" for problem in found.problems)
            raise CommandError(f"Nothing was imported.\n{listed}")
        self.stdout.write(
            f"{found.lines:,} lines; {found.hours_changed} of {found.hours} hours changed."
        )
