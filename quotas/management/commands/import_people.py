"""`./headroom manage import_people FILE [--dry-run]`: people out of a CSV file.

All lines or none; the columns are in `docs/people.md`. Safe to run again. Whoever may run commands
on this machine may change everybody's access, so no person is asked for.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.services.people_import import ImportPlan, import_people, plan_import


class Command(BaseCommand):
    help = "Import people from a CSV file: add, change, deactivate them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and write nothing"
        )

    def handle(self, *, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        try:
            found = (plan_import if dry_run else import_people)(content, by=None, at=now())
        except DomainError as error:
            raise CommandError(error.sentence) from None
        if found.problems:
            listed = "\n".join(f"  {problem}" for problem in found.problems)
            raise CommandError(f"Nothing was imported.\n{listed}")
        self._say(found, dry_run=dry_run)

    def _say(self, found: ImportPlan, *, dry_run: bool) -> None:
        for change in found.changes:
            self.stdout.write(f"line {change.number}: {change.username}: {'; '.join(change.says)}")
        counts = (
            f"{len(found.added)} added, {len(found.changed)} changed, "
            f"{len(found.deactivated)} deactivated"
        )
        self.stdout.write(f"{'Would be' if dry_run else 'Done'}: {counts}.")
