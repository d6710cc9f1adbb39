"""`./headroom manage reconcile`: prints what would be written to Azure, and why.

Nothing is kept of it: the plan is made from the ledger and what Azure showed last, and taken back.
`--apply` makes the plan and writes it, as the task does every half-minute. Exit codes: 0 nothing is
left to do, 2 something is, 1 an error.
"""

import sys
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from portal.kernel.clock import now
from quotas.gateway import capacity_gateway
from quotas.selectors.plan_text import plan_text
from quotas.selectors.pool_plan import PoolPlan, pool_plan
from quotas.services import apply, reconcile

SOMETHING_LEFT = 2
LEFT = (
    "Of this something is left: it waits for Azure, a time or a person. The worker goes on with it."
)
OBSERVED = "{} of these pools only observe: nothing was asked of Azure there."


class Command(BaseCommand):
    help = "Prints what the ledger wants of Azure and Azure has not; --apply writes it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--apply", action="store_true", help="write it; observe-only pools are left alone"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        plans = _applied_from(self, at=now()) if options["apply"] else _planned(at=now())
        if not options["apply"]:
            self.stdout.write(plan_text(plans))
        if any(not plan.is_empty for plan in plans):
            sys.exit(SOMETHING_LEFT)


def _planned(*, at: datetime) -> list[PoolPlan]:
    """As the task would plan it now; taken back, so that looking changes nothing."""
    with transaction.atomic():
        reconcile.plan_all(at=at)
        plans = _plans(at=at)
        transaction.set_rollback(True)
    return plans


def _applied_from(command: Command, *, at: datetime) -> list[PoolPlan]:
    """Prints the plan, writes it, and answers what is left of it."""
    reconcile.plan_all(at=at)
    plans = _plans(at=at)
    command.stdout.write(plan_text(plans))
    if observing := sum(1 for plan in plans if not plan.is_empty and not plan.pool.applies):
        command.stdout.write("\n" + OBSERVED.format(observing))
    apply.apply_due(gateway=capacity_gateway(), now=now)
    left = _plans(at=now())
    if any(not plan.is_empty and plan.pool.applies for plan in left):
        command.stdout.write("\n" + LEFT)
    elif any(plan.goes and plan.is_written for plan in plans):
        command.stdout.write("\nWritten, and read back.")
    return left


def _plans(*, at: datetime) -> list[PoolPlan]:
    return [pool_plan(pool, operates=False, at=at) for pool in reconcile.pools_to_look_at(at=at)]
