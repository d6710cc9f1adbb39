"""`bench apply`: a thousand changes over fifty accounts, each of which takes Azure two seconds.

One write at a time per account is Azure's own rule, so nobody is faster than the changes of one
account, one after the other: `bound_s`. What the portal adds is `times_of_bound`. It is measured
from the moment at which all changes are due until the last one was read back.

The task of the worker runs at the slots of the schedule, against a simulated Azure over HTTPS. Half
of the changes give back what the other half takes, and every pool is full: a grow that went before
its shrinks would be refused, and what Azure has at any instant is judged from Azure's own log.
"""

import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.db.models import Max, Min

from portal.kernel.clock import now
from portal.kernel.windows import FOREVER, HOUR
from portal.management.benches.azure_judge import Judge
from portal.management.benches.sandbox import everywhere, know_the_rows, own_tables, say
from portal.management.benches.simulated_azure import UNITS, simulated_azure, world_of
from quotas import tasks
from quotas.domain.states import OPEN_CHANGE_STATES
from quotas.models import Change, Deployment, LedgerEntry, Pool

WHOLE, QUICK = (50, 20), (10, 10)  # accounts, changes of each
OPERATION_SECONDS = 2.0
IN_A_SUBSCRIPTION = 5  # accounts, as Azure limits the writes of a subscription
GIVEN = 5
SLOT_SECONDS = settings.CELERY_BEAT_SCHEDULE["reconcile"]["schedule"]
GIVE_UP_TIMES = 20  # of the bound


def bench_apply(quick: bool) -> dict[str, Any]:
    accounts, each = QUICK if quick else WHOLE
    bound = each * OPERATION_SECONDS
    with own_tables(), everywhere(), simulated_azure(_world(accounts, each)) as azure:
        say(f"{accounts} accounts with {accounts * each:,} deployments are read …")
        tasks.sync_inventory()
        azure.post("/knobs", {"write_form": "async", "operation_seconds": OPERATION_SECONDS})
        judge, wanted, at = Judge(azure), *_make_edges()
        say(f"{len(wanted):,} changes are due; nobody makes them in less than {bound:.0f} s …")
        spent = time.process_time()
        _run(judge, expected=len(wanted), patience=GIVE_UP_TIMES * bound)
        spent = time.process_time() - spent
        took, first = _times(at)
        figures = {**_figures(), **judge.verdict(wanted)}
    return {
        "rows": [{"changes": len(wanted), "accounts": accounts, "bound s": bound,
                  "took s": round(took, 1), "times of bound": round(took / bound, 2)}],
        "changes": len(wanted),
        "accounts": accounts,
        "bound_s": bound,
        "makespan_s": round(took, 1),
        "first_write_s": round(first, 1),
        "cpu_s": round(spent, 1),  # of the task's process; neither PostgreSQL's nor the simulator's
        "times_of_bound": round(took / bound, 2),
        **figures,
    }  # fmt: skip


def _world(accounts: int, each: int) -> dict[str, Any]:
    """Pools that are full to the last unit."""
    return world_of(accounts, each, in_a_subscription=IN_A_SUBSCRIPTION)


def _make_edges() -> tuple[dict[str, int], datetime]:
    """At this moment every second deployment gives up what the next one gets for eight hours.
    Returns what Azure is to have, by the resource id in lower case, and the moment.
    """
    at, wanted = now(), {}
    Pool.objects.update(mode=Pool.Mode.APPLY, lead=HOUR * 0)
    rows = []
    for n, deployment in enumerate(Deployment.objects.order_by("account_id", "pk")):
        entry = LedgerEntry.objects.get(deployment=deployment)
        gives = n % 2 == 0
        rows.append(
            LedgerEntry(
                pool_id=entry.pool_id,
                deployment=deployment,
                units=-GIVEN if gives else GIVEN,
                effective_from=at,
                effective_until=FOREVER if gives else at + 8 * HOUR,
                kind="reversal" if gives else "burst",
                reverses=entry if gives else None,
                recorded_at=at,
            )
        )
        wanted[deployment.resource_key] = UNITS - GIVEN if gives else UNITS + GIVEN
    LedgerEntry.objects.bulk_create(rows)
    know_the_rows(LedgerEntry, Deployment)
    return wanted, at


def _run(judge: Judge, *, expected: int, patience: float) -> None:
    """As beat and a worker do: the task at each slot of the schedule, one run after the other."""
    began, slot = time.monotonic(), 0
    while not _all_settled(expected):
        if time.monotonic() - began > patience:
            raise CommandError(f"After {patience:.0f} s it is not done; something stands still.")
        time.sleep(max(0.0, began + slot * SLOT_SECONDS - time.monotonic()))
        tasks.reconcile_now()
        judge.listen()
        seconds = time.monotonic() - began
        slot = max(slot + 1, int(seconds // SLOT_SECONDS))
        say(f"{_settled().count():,} of {expected:,} after {seconds:.0f} s")


def _times(at: datetime) -> tuple[float, float]:
    """Seconds since `at`: until the last change was read back, and until the first was written."""
    found = Change.objects.aggregate(first=Min("written_at"), last=Max("verified_at"))
    return (found["last"] - at).total_seconds(), (found["first"] - at).total_seconds()


def _settled() -> Any:
    return Change.objects.filter(state=Change.State.SUCCEEDED)


def _all_settled(expected: int) -> bool:
    is_open = Change.objects.filter(state__in=OPEN_CHANGE_STATES).exists()
    return not is_open and _settled().count() >= expected


def _figures() -> dict[str, Any]:
    """How often a write was sent in vain."""
    return {
        "attempts": sum(Change.objects.values_list("attempts", flat=True)),
        "superseded": Change.objects.filter(state=Change.State.SUPERSEDED).count(),
        "refused": Change.objects.exclude(azure_code="").count(),
    }
