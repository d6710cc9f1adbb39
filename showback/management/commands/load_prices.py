"""`manage.py load_prices [FILE]`: prices into the table; without a file the shipped ones."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from showback.services.price_data import DATA, shipped_prices
from showback.services.prices import load_prices


class Command(BaseCommand):
    help = "Load prices from a CSV file (default: the ones that ship with Headroom)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, default=DATA / "prices.csv")

    def handle(self, *, file: Path, **options: Any) -> None:
        loaded = load_prices(shipped_prices(file))
        self.stdout.write(f"{loaded.added} prices added, {loaded.kept} were there.")
