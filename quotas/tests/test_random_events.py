"""A random month: people ask, decide, give back; Azure moves limits, somebody edits, writers die,
freezes are agreed on, the kill switch is thrown.

Whatever the order, the ledger holds exactly what was granted, Azure ends with what the ledger
wants, no action of ours ever asked for more than there is, nothing is written while the switch is
on, nothing grows in a freeze, and what ends goes through one.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from portal.kernel.errors import CloudError, CloudReason, DomainError
from portal.kernel.windows import FOREVER, Window
from portal.models import Notice, User
from portal.outbox import Event
from quotas.domain.ledger import steps_over
from quotas.domain.states import OPEN_CHANGE_STATES
from quotas.gateway import QuotaSeen, WriteAnswer
from quotas.models import (
    AccountLease,
    CapacityRequest,
    Change,
    KillSwitch,
    LedgerEntry,
    Plan,
    Pool,
    Service,
)
from quotas.selectors.rooms import pool_entries, room_of
from quotas.services import decisions, drift, kill_switch, reconcile, timeouts
from quotas.services.freezes import add_freeze
from quotas.services.give_back import give_back
from quotas.services.late_news import tell_of_late_ends
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen
from quotas.tests.test_apply_kills import SEAMS, Killed, die_at
from quotas.tests.test_bursts_on import assert_the_database_knows_which_bursts_go_on

BASELINE = {"chat": 100, "search": 200}
MINUTE = timedelta(minutes=1)


REFUSED = {
    "throttled": CloudError(CloudReason.THROTTLED, "Slow down.", retry_after=2 * MINUTE),
    "conflict": CloudError(CloudReason.CONFLICT, "Busy."),
    "error": CloudError(CloudReason.UNKNOWN, "Error 500.", maybe_applied=True),
    "timeout": CloudError(CloudReason.TIMEOUT, "No answer.", maybe_applied=True),
}
TROUBLES = (
    "throttled", "conflict", "error", "timeout", "dropped", "fails late", "old value", "lowered",
)  # fmt: skip


class StrictAzure(FakeAzure):
    """Refuses what exceeds its limit, as Azure does, and remembers every attempt to pass the limit
    that it last told. `troubles` are what goes wrong with the next writes.
    """

    overdrawn: int = 0
    told_limit: int = 0
    troubles: tuple[str, ...] = ()
    is_forbidden: Callable[[int], bool] = staticmethod(lambda grows_by: False)
    forbidden: int = 0

    def begin_write(self, deployment_resource_id: str, **asked: Any) -> WriteAnswer:
        key = deployment_resource_id
        now = self.deployments[deployment_resource_id].capacity_units
        self.forbidden += self.is_forbidden(asked["units"] - now)
        others = sum(d.capacity_units for d in self.deployments.values()) - now
        if asked["units"] > now and others + asked["units"] > self.limit_units:
            self.overdrawn += others + asked["units"] > self.told_limit
            raise CloudError(CloudReason.INSUFFICIENT_QUOTA, "Not enough quota.")
        trouble, self.troubles = (*self.troubles, "")[0], self.troubles[1:]
        return self._troubled(trouble, key=key, **asked)

    def _troubled(self, trouble: str, *, key: str, **asked: Any) -> WriteAnswer:
        """Refused; taken without an answer or not at all; failing late; or without any effect."""
        if trouble in REFUSED:
            raise REFUSED[trouble]
        if trouble == "fails late":
            return WriteAnswer(done=False, operation=trouble)
        if trouble == "old value":
            return WriteAnswer(done=True)
        answer = super().begin_write(key, **asked)
        total = sum(seen.capacity_units for seen in self.deployments.values())
        if trouble == "dropped":
            raise REFUSED["timeout"]
        if trouble == "lowered":
            self.limit_units = min(self.limit_units, total)
        return answer

    def poll(self, deployment_resource_id: str, operation: str, **asked: Any) -> WriteAnswer:
        if operation == "fails late":
            raise CloudError(CloudReason.UNKNOWN, "It failed in the end.")
        return super().poll(deployment_resource_id, operation, **asked)

    def quotas(self, subscription_id: str, region: str) -> tuple[QuotaSeen, ...]:
        self.told_limit = self.limit_units
        return super().quotas(subscription_id, region)


@dataclass
class Life:
    """The world, and beside it a plain record of what was granted, to compare the ledger with."""

    azure: StrictAzure
    services: dict[str, tuple[Service, User]]
    cleo: User
    at: datetime = NOON
    granted: dict[int, tuple[str, int, datetime, datetime]] = field(default_factory=dict)
    frozen: list[Window] = field(default_factory=list)
    switch: KillSwitch | None = None

    def __post_init__(self) -> None:
        self.azure.is_forbidden = self.is_forbidden

    @property
    def is_frozen(self) -> bool:
        return any(self.at in window for window in self.frozen)

    def is_forbidden(self, grows_by: int) -> bool:
        """Nobody agrees to write over an edit before the calm: no growth in a freeze is right."""
        return self.switch is not None or (self.is_frozen and grows_by > 0)

    @property
    def pool(self) -> Pool:
        return Pool.objects.get()

    def ask(self, name: str, units: int, hours: int) -> None:
        service, lead = self.services[name]
        start = self.at + timedelta(hours=units % 3)
        window = {"starts_at": start, "ends_at": start + timedelta(hours=hours)}
        self._note(ask(service, lead, at=self.at, units=units, **window))

    def approve(self, *_: Any) -> None:
        for request in CapacityRequest.objects.open()[:1]:
            self._note(decisions.approve(request, by=self.cleo, note="", at=self.at))

    def deny(self, *_: Any) -> None:
        for request in CapacityRequest.objects.open()[:1]:
            decisions.deny(request, by=self.cleo, note="No.", at=self.at)

    def give_back(self, name: str, units: int, hours: int) -> None:
        numbers = sorted(self.granted)
        if not numbers:
            return
        number = numbers[units % len(numbers)]
        request = CapacityRequest.objects.get(pk=number)
        give_back(request, by=self.services[request.deployment.name][1], reason="", at=self.at)
        name, units, start, _ = self.granted[number]
        self.granted[number] = (name, units, start, max(start, self.at))

    def limit(self, name: str, units: int, hours: int) -> None:
        self.azure.limit_units = 250 + 5 * units

    def edit(self, name: str, units: int, hours: int) -> None:
        self.azure.edit(name, max(1, units))

    def reconcile(self, *_: Any) -> None:
        sync(self.azure, self.at)
        reconcile_at(self.azure, self.at)

    def kill(self, name: str, units: int, hours: int) -> None:
        """A worker dies between two steps; its lease runs out before the next event."""
        with pytest.MonkeyPatch.context() as dying, suppress(Killed):
            die_at(dying, *SEAMS[units % len(SEAMS)])
            self.reconcile()
        AccountLease.objects.update(expires_at=NOON)

    def refuse(self, name: str, units: int, hours: int) -> None:
        """Azure refuses the next writes, whatever they are."""
        self.azure.refusals = [CloudError(CloudReason.CONFLICT, "Busy.")] * (units % 8)

    def trouble(self, name: str, units: int, hours: int) -> None:
        """With each of the next writes, whatever they are, something else goes wrong."""
        first = units % len(TROUBLES)
        self.azure.troubles = (TROUBLES[first:] + TROUBLES)[: 1 + hours % 4]

    def freeze(self, name: str, units: int, hours: int) -> None:
        """From now on, of all pools or of this one."""
        window = Window(self.at, self.at + timedelta(hours=hours))
        pool = self.pool if units % 2 else None
        at, by = self.at, self.cleo
        add_freeze(
            pool, starts_at=window.start, ends_at=window.end, reason="Quarter-end.", by=by, at=at
        )
        self.frozen.append(window)

    def throw(self, *_: Any) -> None:
        """The kill switch, or off with it."""
        said: dict[str, Any] = {"reason": "Look.", "by": self.cleo, "at": self.at}
        if self.switch:
            kill_switch.turn_off(self.switch, **said)
            self.switch = None
        else:
            self.switch = kill_switch.throw(**said)

    def end_in_a_freeze(self) -> None:
        """What has ended is out: nothing but a refusal or a missing yes keeps it there."""
        self.reconcile()  # once more, where the first one found a writer that had died
        for name in BASELINE:
            kept = Q(state="needs_human") | Q(not_before__gt=self.at)
            mine = Change.objects.filter(kept, deployment__name=name, state__in=OPEN_CHANGE_STATES)
            assert self.azure.units(name) <= self.wanted(name, self.at) or mine.exists()

    def watch(self, *_: Any) -> None:
        """I11: what has been over for longer than the grace has an alarm, or waits for a yes."""
        self.reconcile()
        tell_of_late_ends(at=self.at)
        for name in BASELINE:
            lately = [self.wanted(name, self.at - back * MINUTE) for back in range(7)]
            mine = Change.objects.filter(deployment__name=name, state__in=OPEN_CHANGE_STATES)
            if self.azure.units(name) > max(lately) and not mine.filter(state="needs_human"):
                assert Notice.objects.filter(event=Event.END_LATE, at__lte=self.at).exists()
        if self.is_frozen and not self.switch:
            self.end_in_a_freeze()

    def _note(self, request: CapacityRequest) -> None:
        """A grant: at no instant of it more than there is, as far as Azure told."""
        if request.state != "approved":
            return
        entry = LedgerEntry.objects.get(request=request, kind="burst")
        window = Window(entry.effective_from, entry.effective_until)
        held = steps_over(pool_entries(self.pool, window), window)
        assert max(step.units for step in held) <= room_of(self.pool).units
        self.granted[request.pk] = (request.deployment.name, request.units, *_edges(entry))

    def wanted(self, name: str, at: datetime) -> int:
        bursts = (g for g in self.granted.values() if g[0] == name and g[2] <= at < g[3])
        return BASELINE[name] + sum(burst[1] for burst in bursts)

    def calm_down(self) -> None:
        """Every window is over, Azure is well, and somebody answers what waits for an answer."""
        self.azure.limit_units = 1000
        self.azure.refusals, self.azure.troubles = [], ()
        if self.switch:
            self.throw()
        self.at += timedelta(days=3)
        timeouts.time_out_overdue(at=self.at)
        for _ in range(12):
            self.reconcile()
            for change in Change.objects.filter(state="needs_human"):
                drift.write_back(change, by=self.cleo, reason="Calm.", at=self.at)
            self.at += timedelta(minutes=20)
            if not reconcile.pools_to_look_at(at=self.at).exists():
                break


def _edges(entry: LedgerEntry) -> tuple[datetime, datetime]:
    return entry.effective_from, entry.effective_until


KINDS = (
    "ask", "ask", "approve", "deny", "give_back", "limit", "edit", "reconcile", "kill", "refuse",
    "trouble", "trouble",
    "watch", "watch", "freeze", "throw",
)  # fmt: skip
event = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(sorted(BASELINE)),
    st.integers(1, 160),
    st.integers(1, 12),
    st.integers(0, 180),  # minutes until the next one
)


def live(life: Life, events: list[tuple[str, str, int, int, int]]) -> None:
    for kind, name, units, hours, minutes in events:
        # A refusal is an answer too; it leaves nothing behind.
        with suppress(DomainError), transaction.atomic():
            getattr(life, kind)(name, units, hours)
        life.at += minutes * MINUTE
        assert_the_database_knows_which_bursts_go_on(at=life.at)


def check(life: Life, began: datetime) -> None:
    bursts = LedgerEntry.objects.filter(kind="burst")
    assert {b.request_id for b in bursts} == set(life.granted)  # I5, I10: one entry for each grant
    assert bursts.count() == len(life.granted)
    window = Window(began, life.at)
    for name in BASELINE:  # I3, I4: at every instant the baseline and exactly the bursts then on
        rows = [e for e in pool_entries(life.pool, Window(began, FOREVER)) if e.deployment_id]
        mine = LedgerEntry.objects.filter(deployment__name=name).first()
        assert mine is not None
        own = [e for e in rows if e.deployment_id == mine.deployment_id]
        for step in steps_over(own, window):
            assert step.units == life.wanted(name, step.at)
    for plan in Plan.objects.prefetch_related("changes"):  # I12
        ordered = sorted(plan.changes.all(), key=lambda change: change.position)
        deltas = [change.to_units - change.from_units for change in ordered]
        assert deltas == sorted(deltas)
    assert {name: life.azure.units(name) for name in BASELINE} == BASELINE  # I10, I13
    assert not Change.objects.filter(state__in=OPEN_CHANGE_STATES).exists()
    assert life.azure.overdrawn == 0  # I1: Azure never had to refuse a write of ours
    assert life.azure.forbidden == 0  # nothing while the switch was on, no growth in a freeze
    assert reconcile.plan_all(at=life.at) == []


# A burst is up, a freeze keeps another one out, and the switch keeps the first one's end in Azure.
HELD = [
    ("ask", "chat", 39, 3, 1), ("watch", "chat", 1, 1, 10), ("freeze", "chat", 1, 8, 1),
    ("ask", "search", 60, 3, 1), ("approve", "chat", 1, 1, 1), ("watch", "chat", 1, 1, 60),
    ("throw", "chat", 1, 1, 120), ("watch", "chat", 1, 1, 10), ("throw", "chat", 1, 1, 1),
    ("watch", "chat", 1, 1, 1),
]  # fmt: skip

# Every trouble in turn, each with the write of a burst that begins just then.
TROUBLED = [
    step
    for n in range(len(TROUBLES))
    for step in (
        ("trouble", "chat", n, 4, 1),
        ("ask", ("chat", "search")[n % 2], 30 + 3 * n, 1, 0),
        ("approve", "chat", 1, 1, 1),
        ("watch", "chat", 1, 1, 16),
        ("watch", "chat", 1, 1, 16),
    )
]


@given(events=st.lists(event, min_size=4, max_size=14))
@example(events=HELD)
@example(events=TROUBLED)
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_i01_i03_i04_i10_i11_i12_i13_hold_after_any_order_of_events(
    chat: Service,
    search: Service,
    applying: Pool,
    ada: User,
    dan: User,
    cleo: User,
    events: list[tuple[str, str, int, int, int]],
) -> None:
    azure = StrictAzure()
    azure.add(*(deployment_seen(name, held) for name, held in BASELINE.items()))
    with transaction.atomic():
        life = Life(azure, {"chat": (chat, ada), "search": (search, dan)}, cleo)
        life.reconcile()
        live(life, events)
        life.calm_down()
        check(life, NOON)
        transaction.set_rollback(True)
