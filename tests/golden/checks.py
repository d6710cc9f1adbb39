"""What must be true at the end of the golden path, whoever clicked it through."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from quotas.models import Service
from showback.models import CostLine, UsageMinutes
from stack.paths import PROJECT
from stack.simulator_process import SimulatorProcess
from tests.golden import world
from tests.golden.independent import Minute, admit, prices_of, requests_by_minute


def capacity_in_azure(azure: SimulatorProcess) -> int:
    state = azure.control("GET", "/state")
    return int(state["accounts"][0]["deployments"][0]["capacity"])


def expected_minutes(trace: Path) -> dict[datetime, Minute]:
    """The trace through the documented token bucket, with the burst's capacity while it is on.

    A minute has the capacity that was in force when it began: the minute in which the burst is
    taken back still has it.
    """
    found = {}
    for minute, requests in requests_by_minute(trace, world.TRACE_START).items():
        on = world.BURST_START <= minute <= world.BURST_END
        units = world.HELD + (world.EXTRA if on else 0)
        found[minute] = admit(requests, tokens=units * 1000, limit=units)
    return found


def check_minutes(expected: dict[datetime, Minute]) -> None:
    """Every ingested minute equals the independent replay: served, 429, prompt, generated."""
    for row in UsageMinutes.objects.filter(hour__gte=world.TRACE_START):
        for number in range(60):
            at = row.hour + timedelta(minutes=number)
            if at >= world.TRACE_START + timedelta(minutes=60):
                continue
            want = expected.get(at, Minute())
            got = Minute(
                row.ok[number], row.throttled[number], row.prompt[number], row.generated[number]
            )
            assert got == want, at


def check_that_429s_fell(expected: dict[datetime, Minute], trace: Path) -> None:
    """While the burst was on, far fewer requests were refused than without it."""
    on = {m: w for m, w in expected.items() if world.BURST_START <= m < world.BURST_END}
    with_burst = sum(w.throttled for w in on.values())
    rows = requests_by_minute(trace, world.TRACE_START)
    held = world.HELD
    without = sum(admit(rows[m], tokens=held * 1000, limit=held).throttled for m in on)
    assert with_burst < without / 4


def expected_cost(expected: dict[datetime, Minute]) -> Decimal:
    """Prompt × price + generated × price over the CSVs, exactly."""
    price = prices_of(
        PROJECT / "showback" / "data" / "prices.csv", model=world.MODEL, sku=world.SKU
    )
    return sum(
        (m.prompt * price["input"] + m.generated * price["output"] for m in expected.values()),
        Decimal(0),
    )


def check_cost(expected: dict[datetime, Minute], code: Service) -> None:
    """The cost lines of the day equal the independent sum, to the last digit."""
    lines = CostLine.objects.filter(service=code, day=world.TRACE_START.date())
    total = sum((line.amount for line in lines if line.amount is not None), Decimal(0))
    assert lines.filter(amount__isnull=True).count() == 0
    assert total == expected_cost(expected)


def day_page_of(code: Service) -> str:
    day = world.TRACE_START.date()
    return f"/showback/{day:%Y-%m}/atlas/{code.slug}/{day:%d}/"
