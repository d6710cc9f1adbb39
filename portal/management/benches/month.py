"""`bench month`: 10,000 bursts over a simulated month, stepped through on both clocks.

Against a simulated Azure over HTTPS that refuses one write in fifty (409, 429 or 500) and has room
for no unit more than the busiest moment takes. Judged by Azure's own log: was every burst up within
its lead and down within a minute of its end, unless Azure refused a write of that edge.
"""

import time
from datetime import UTC, datetime
from typing import Any

from django.test.utils import override_settings

from portal.kernel.windows import DAY
from portal.management.benches.azure_judge import EVER, Judge, steps_of
from portal.management.benches.made_month import (
    DAYS,
    Burst,
    Shape,
    grant,
    judge,
    make_bursts,
    peak_units,
)
from portal.management.benches.sandbox import everywhere, know_the_rows, own_tables, say
from portal.management.benches.simulated_azure import UNITS, simulated_azure, world_of
from portal.management.clocks import SimulatedAzure, TwoClocks
from portal.management.stepper import Stop, advance
from quotas import tasks
from quotas.models import Deployment, LedgerEntry, Pool

WHOLE, QUICK = (10_000, 3, 2), (60, 2, 1)  # bursts, accounts, deployments of each
IN_WORKING_HOURS = Shape(days=range(5), hours=(9, 13), minutes=(0,), lengths=(3, 4))
AT_ALL_HOURS = Shape(minutes=(0,))
MONTH = datetime(2026, 6, 1, tzinfo=UTC)
LISTEN_EACH = 20  # stops, of which none makes 200 requests
REFUSALS: tuple[dict[str, Any], ...] = (
    {"status": 409, "body": {"error": {"code": "RequestConflict", "message": "Busy."}}},
    {"status": 429, "headers": {"Retry-After": "20"}},
    {"status": 500},
)
ODDS = 0.007  # of each, for each write


def bench_month(quick: bool) -> dict[str, Any]:
    count, accounts, each = QUICK if quick else WHOLE
    shape = IN_WORKING_HOURS if quick else AT_ALL_HOURS
    placeholders = [str(n) for n in range(accounts * each)]
    room = peak_units(make_bursts(count, placeholders, shape, month=MONTH))
    world = world_of(accounts, each, in_a_subscription=accounts, room=room)
    with (
        own_tables(), everywhere(), override_settings(HEADROOM_APPLY_LANES=1),
        simulated_azure(world) as azure,
    ):  # fmt: skip
        clocks = TwoClocks()
        try:
            bursts = _begin(clocks, count, shape)
            _be_moody(azure)
            say(f"{count:,} bursts of {accounts * each} deployments, {room:,} units at most …")
            return _live(clocks, Judge(azure), bursts)
        finally:
            clocks.back_to_real()


def _begin(clocks: TwoClocks, count: int, shape: Shape) -> list[Burst]:
    clocks.set(MONTH - DAY)
    tasks.sync_inventory()
    Pool.objects.update(mode=Pool.Mode.APPLY, lead=shape.lead)
    keys = list(Deployment.objects.order_by("pk").values_list("resource_key", flat=True))
    bursts = make_bursts(count, keys, shape, month=MONTH)
    grant(bursts, at=MONTH - DAY)
    know_the_rows(LedgerEntry, Deployment)
    return bursts


def _be_moody(azure: SimulatedAzure) -> None:
    """Azure refuses now and then. Its limits of calls count real seconds: a month has more."""
    azure.post("/knobs", {"arm_throttle_factor": 1000})
    for n, refusal in enumerate(REFUSALS):
        odds = {"match": "^PATCH .*/deployments/", "times": 0, "probability": ODDS, "seed": n}
        azure.post("/faults", {**odds, **refusal})


def _live(clocks: TwoClocks, witness: Judge, bursts: list[Burst]) -> dict[str, Any]:
    began, stops = time.monotonic(), 0

    def listen(stop: Stop) -> None:
        nonlocal stops
        stops += 1
        if stops % LISTEN_EACH == 0:
            witness.listen()
        if stops % 250 == 0:
            say(f"{stop.at:%d %b %H:%M} after {time.monotonic() - began:.0f} s")

    advance(clocks, MONTH + (DAYS + 1) * DAY, with_schedule=False, report=listen)
    wanted = {burst.deployment: UNITS for burst in bursts}
    verdict = witness.verdict(wanted, most=UNITS + peak_units(bursts))
    steps = [step for step in steps_of(witness.azure.get("/state")) if step[0] > EVER]
    found = judge(bursts, UNITS, steps, witness.refused())
    spreads = {name: found.pop(name) for name in ("up_s", "down_s")}
    return {
        "rows": [{"seconds": name, **spread} for name, spread in spreads.items()],
        "bursts": len(bursts),
        "stops": stops,
        "took_s": round(time.monotonic() - began, 1),
        **spreads,
        **found,
        "refused_writes": len(witness.refused()),
        **verdict,
    }
