"""A month of a thousand bursts, stepped through: each is up within its lead and down within a
minute of its end, unless Azure refused.

Azure has room for no unit more than the busiest moment takes, and refuses one write in forty.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Count

from portal.kernel.clock import now
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import DAY
from portal.management.benches.made_month import (
    DAYS,
    Burst,
    Shape,
    grant,
    judge,
    make_bursts,
    peak_units,
)
from portal.management.clocks import TwoClocks
from portal.management.stepper import advance
from portal.models.clock import forget_offset
from quotas.domain.states import OPEN_CHANGE_STATES
from quotas.gateway import WriteAnswer
from quotas.models import Change, Deployment, Pool
from quotas.tests.conftest import sync
from quotas.tests.factories import FakeAzure, deployment_seen, utc

MONTH = datetime(2026, 6, 1, tzinfo=UTC)
BASE, NAMES, BURSTS = 20, ("code", "chat", "mail"), 1_000
IN_WORKING_HOURS = Shape(days=range(5), hours=(9, 13), minutes=(0,), lengths=(4,))


@dataclass
class MonthOfAzure(FakeAzure):
    """Knows what it had when, and what it refused."""

    steps: list[tuple[datetime, str, int]] = field(default_factory=list)
    refused: list[tuple[datetime, str]] = field(default_factory=list)
    asked: int = 0
    overdrawn: int = 0

    def begin_write(self, deployment_resource_id: str, **asked: Any) -> WriteAnswer:
        self.asked += 1
        key, has = deployment_resource_id.lower(), self.deployments[deployment_resource_id]
        total = sum(seen.capacity_units for seen in self.deployments.values())
        if asked["units"] > has.capacity_units:
            grows_by = asked["units"] - has.capacity_units
            self.overdrawn += total + grows_by > self.limit_units
        if self.asked % 40 == 0:
            self.refused.append((now(), key))
            raise CloudError(CloudReason.CONFLICT, "Busy.")
        answer = super().begin_write(deployment_resource_id, **asked)
        self.steps.append((now(), key, asked["units"]))
        return answer


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> MonthOfAzure:
    fake = MonthOfAzure()
    fake.add(*(deployment_seen(name, BASE) for name in NAMES))
    monkeypatch.setattr("quotas.tasks.capacity_gateway", lambda: fake)
    return fake


@pytest.fixture
def clocks(db: None) -> Iterator[TwoClocks]:
    forget_offset()
    yield TwoClocks()
    forget_offset()


def test_i01_i04_a_thousand_bursts_of_a_month_are_up_and_down_in_time(
    azure: MonthOfAzure, clocks: TwoClocks
) -> None:
    keys = [key.lower() for key in azure.deployments]
    bursts = make_bursts(BURSTS, keys, IN_WORKING_HOURS, month=MONTH)
    azure.limit_units = len(keys) * BASE + peak_units(bursts)
    clocks.set(MONTH - DAY)
    sync(azure, now())
    Pool.objects.update(mode=Pool.Mode.APPLY, lead=IN_WORKING_HOURS.lead)
    grant(bursts, at=now())

    advance(clocks, MONTH + (DAYS + 1) * DAY, with_schedule=False)

    found = judge(bursts, BASE, azure.steps, azure.refused)
    assert {
        name: found[name] for name in found if name.startswith(("late_", "never_"))
    } == dict.fromkeys(("late_up", "late_down", "never_up", "never_down"), 0)
    assert 0 < found["refused_up"] < BURSTS / 10
    assert found["up_s"]["most"] <= IN_WORKING_HOURS.lead.total_seconds()
    assert found["down_s"]["p95"] <= 60
    assert azure.overdrawn == 0
    assert {seen.capacity_units for seen in azure.deployments.values()} == {BASE}
    states = dict(Change.objects.values_list("state").annotate(Count("pk")))
    assert not set(states) & OPEN_CHANGE_STATES
    assert states["succeeded"] == len(azure.steps)
    assert Deployment.objects.filter(capacity_units=BASE).count() == len(NAMES)


KEY, START, END = "a", utc("2026-06-02 09:00"), utc("2026-06-02 11:00")
QUARTER, MINUTE = timedelta(minutes=15), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("up_at", "down_at", "refused_at", "wrong"),
    [
        (START - QUARTER, END, None, set()),
        (START, END + MINUTE, None, set()),
        (START + MINUTE, END, None, {"late_up"}),
        (START, END + 2 * MINUTE, None, {"late_down"}),
        (START, END + 2 * MINUTE, END, {"refused_down"}),
        (START + MINUTE, END, START, {"refused_up"}),
        (END, END + MINUTE, None, {"never_up"}),
        (START, None, None, {"never_down"}),
    ],
)
def test_the_judge_of_a_month_tells_what_was_late_and_what_azure_refused(
    up_at: datetime, down_at: datetime | None, refused_at: datetime | None, wrong: set[str]
) -> None:
    burst = Burst(KEY, 5, START - QUARTER, START, END)
    steps = [(up_at, KEY, BASE + 5), *([(down_at, KEY, BASE)] if down_at else [])]
    refused = [(refused_at, KEY)] if refused_at else []
    found = judge([burst], BASE, steps, refused)
    assert {name for name, count in found.items() if count and not name.endswith("_s")} == wrong
