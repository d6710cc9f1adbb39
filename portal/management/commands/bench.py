"""`manage.py bench NAME [--quick]`: a measurement, as a table and, last, one line of JSON."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

# Name → function(quick) -> {"rows": [{column: value}], …}; imported only when it is asked for.
BENCHES = {
    "apply": "portal.management.benches.apply.bench_apply",
    "approvals": "portal.management.benches.approvals.bench_approvals",
    "month": "portal.management.benches.month.bench_month",
    "pages": "portal.management.benches.pages.bench_pages",
    "ingest": "portal.management.benches.ingest.bench_ingest",
    "rollup": "portal.management.benches.rollup.bench_rollup",
    "simulator": "portal.management.benches.simulator.bench_simulator",
}


class Command(BaseCommand):
    help = "Measures something on this machine. Names: " + ", ".join(sorted(BENCHES)) + "."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--quick", action="store_true", help="under 40 seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if name not in BENCHES:
            raise CommandError(f"There is no bench {name!r}. Names: {', '.join(sorted(BENCHES))}.")
        measure: Callable[[bool], dict[str, Any]] = import_string(BENCHES[name])
        result = measure(options["quick"])
        self.print_table(result.get("rows", []))
        self.stdout.write(json.dumps({"bench": name, "quick": options["quick"], **result}))

    def print_table(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        columns = list(rows[0])
        texts = [columns, *[[str(row[c]) for c in columns] for row in rows]]
        widths = [max(len(line[i]) for line in texts) for i in range(len(columns))]
        for line in texts:
            self.stdout.write(
                "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
            )
