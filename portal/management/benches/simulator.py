"""How fast the simulated Monitor makes its answers. The simulator is another program: it is run."""

import json
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management import CommandError


def bench_simulator(quick: bool) -> dict[str, Any]:
    """The program's own figures; its progress goes to stderr. CommandError when it fails."""
    command = [sys.executable, "-m", "simulator.bench", *(["--quick"] if quick else [])]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise CommandError("The simulator's bench failed; what it says stands above.")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    shown = ("deployments", "points", "megabytes", "traffic_s", "answers_s", "points_per_s")
    return {"rows": [{name: figures[name] for name in shown}], **figures}
