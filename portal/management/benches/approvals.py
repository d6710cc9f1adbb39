"""`bench approvals`: decisions through the services, and checks of what is free, on one busy pool.

The pool has 10,000 ledger entries over a year. Each decision is an approval by a person: evidence
gathered and stored (of a service whose use is not in yet), the pool locked, every instant checked,
the ledger, the audit and the outbox written. A check is what the last yes asks: does this amount
fit at every instant of the window. Tables are a bench's own, so foreign keys are not checked.

Decisions are made by one process, one after the other, which says how long one takes; and by four
processes at once, each with a connection of its own, as a portal with four workers does. All decide
on the one pool, so they wait for its lock; `decisions_per_s` is what they do together. The clock
runs from the first decision to the last, of workers that have decided before. At the
end one process decides on services with four weeks of minutes, whose evidence costs more.
"""

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from statistics import median, quantiles
from threading import BrokenBarrierError
from typing import Any

from django.db import transaction

from portal.kernel.windows import DAY, FOREVER, HOUR, Window
from portal.management.benches.made_quarter import store_weeks
from portal.management.benches.sandbox import know_the_rows, own_connection, own_tables, say
from portal.models import Role, RoleGrant, User
from quotas.models import (
    AzureAccount,
    CapacityRequest,
    Deployment,
    LedgerEntry,
    Membership,
    Pool,
    PoolLimit,
    Service,
    Team,
)
from quotas.selectors.inbox import to_decide
from quotas.selectors.rooms import fit_in
from quotas.services.asking import Draft
from quotas.services.decisions import approve
from quotas.services.requests import submit

ENTRIES, SERVICES, LIMIT_UNITS = 10_000, 100, 1_000_000
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = Window(NOW - 180 * DAY, NOW + 185 * DAY)
WORKERS, WARM_UPS = 4, 3
WHOLE, QUICK = (400, 2_000), (60, 300)  # decisions of each way, checks
UNITS = 100  # of each deployment's baseline; twice that is never automatic
USED, USED_DECISIONS = 10, 30  # services with minutes, decisions on them


def bench_approvals(quick: bool) -> dict[str, Any]:
    decisions, checks = QUICK if quick else WHOLE
    with own_tables():
        say(f"making a pool with {ENTRIES:,} ledger entries …")
        pool, services, approver = _make_pool()
        dice = random.Random(5)  # noqa: S311  the same windows every time
        bounded = _times(checks, lambda: _check(pool, _window(dice)))
        endless = _times(checks // 10, lambda: _check(pool, Window(NOW, FOREVER)))
        say(f"asking {2 * decisions} times, then approving …")
        waiting = [_ask(services[n % SERVICES], _window(dice)).pk for n in range(2 * decisions)]
        took, spent_ms = _one_by_one(waiting[:decisions], approver)
        together = _at_once(waiting[decisions:], approver)
        entries = LedgerEntry.objects.filter(pool=pool).count()
        say("four weeks of use for some, and approving again …")
        store_weeks([service.deployments.get().pk for service in services[:USED]], at=NOW)
        waiting = [_ask(services[n % USED], _window(dice)).pk for n in range(USED_DECISIONS)]
        took_with_use, spent_with_use_ms = _one_by_one(waiting, approver)
    return {
        "rows": [
            _row("decision, one at a time", took),
            _row("decision, with four weeks of use", took_with_use),
            _row("check of 8 hours", bounded),
            _row("check without an end", endless),
        ],
        "entries": entries,
        "decisions_per_s": round(decisions / together, 1),
        "decisions_per_s_one_at_a_time": round(decisions / sum(took), 1),
        "decision_cpu_ms": spent_ms,  # without that of PostgreSQL
        "decision_with_use_cpu_ms": spent_with_use_ms,
        "check_p95_ms": _p95_ms(bounded),
        "check_endless_p95_ms": _p95_ms(endless),
    }


def _row(what: str, seconds: list[float]) -> dict[str, Any]:
    return {
        "what": what,
        "times": len(seconds),
        "median ms": round(median(seconds) * 1000, 2),
        "p95 ms": _p95_ms(seconds),
    }


def _p95_ms(seconds: list[float]) -> float:
    return round(quantiles(seconds, n=20)[-1] * 1000, 2)


def _times(number: int, run: Callable[[], object]) -> list[float]:
    """How long each run took, in seconds."""
    found = []
    for _ in range(number):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return found


def _one_by_one(waiting: list[int], approver: User) -> tuple[list[float], float]:
    """How long each decision took, in seconds; and this process's own milliseconds for each."""
    answers, spent = iter(waiting), time.process_time()
    took = _times(len(waiting), lambda: _approve(next(answers), approver))
    return took, round((time.process_time() - spent) / len(waiting) * 1000, 1)


def _window(dice: random.Random) -> Window:
    """Eight hours of the coming half-year."""
    start = NOW + timedelta(minutes=dice.randrange(60, 180 * 24 * 60))
    return Window(start, start + 8 * HOUR)


def _at_once(waiting: list[int], approver: User) -> float:
    """Seconds until all are approved, by `WORKERS` processes that begin together."""
    fork = multiprocessing.get_context("fork")
    gate = fork.Barrier(WORKERS + 1)
    workers = [
        fork.Process(target=_work, args=(waiting[n::WORKERS], approver, gate))
        for n in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    took = 0.0
    with suppress(BrokenBarrierError):  # somebody failed: their exit code says so
        gate.wait(timeout=60)
        began = time.perf_counter()
        gate.wait(timeout=600)
        took = time.perf_counter() - began
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a worker of the bench failed; its error stands above")
    return took


def _work(waiting: list[int], approver: User, gate: Barrier) -> None:
    """The gate opens when all are connected, and again when all have decided."""
    with own_connection(), _or_nobody_waits(gate):
        _warm_up(waiting[0], approver)
        gate.wait(timeout=60)
        for pk in waiting:
            _approve(pk, approver)
        gate.wait(timeout=600)


def _warm_up(pk: int, approver: User) -> None:
    """What a worker has behind it that answered before: its memory is no longer its parent's, and
    PostgreSQL has read its own catalogue. Leaves nothing.
    """
    for _ in range(WARM_UPS):
        with transaction.atomic():
            _approve(pk, approver)
            transaction.set_rollback(True)


@contextmanager
def _or_nobody_waits(gate: Barrier) -> Iterator[None]:
    """The others are not kept waiting for one that failed."""
    try:
        yield
    except BaseException:
        gate.abort()
        raise


def _check(pool: Pool, window: Window) -> None:
    if not fit_in(pool, window, UNITS).fits:
        raise RuntimeError("the pool of the bench is too small")


def _ask(service: Service, window: Window) -> CapacityRequest:
    draft = Draft(service, service.deployments.get(), 2 * UNITS, window.start, window.end,
                  "launch", "A day on which twice as many people write.")  # fmt: skip
    return submit(draft, by=service.owner, at=NOW)


def _approve(pk: int, approver: User) -> None:
    """As the inbox does: the request and what belongs to it in one query."""
    found = to_decide(CapacityRequest.objects.all()).get(pk=pk)
    approve(found, by=approver, note="", at=NOW)


def _make_pool() -> tuple[Pool, list[Service], User]:
    pool = Pool.objects.create(
        subscription_id="bench", scope_id="eastus", region="eastus", kind="tokens",
        usage_name="OpenAI.GlobalStandard.gpt-4o", lead=timedelta(minutes=15),
        first_seen_at=YEAR.start, last_seen_at=NOW,
    )  # fmt: skip
    PoolLimit.objects.create(
        pool=pool, observed_at=YEAR.start, limit_units=LIMIT_UNITS, azure_used_units=0
    )
    approver = User.objects.create(username="approver", email="approver@example.com")
    RoleGrant.objects.create(user=approver, role=Role.PLATFORM_OWNER, granted_at=NOW)
    services = _make_services(pool)
    _make_entries(pool, services)
    return pool, services, approver


def _make_services(pool: Pool) -> list[Service]:
    lead = User.objects.create(username="lead", email="lead@example.com")
    team = Team.objects.create(name="Bench", slug="bench")
    Membership.objects.create(team=team, user=lead, role=Membership.Role.LEAD)
    resource = "/subscriptions/bench/accounts/acme"
    account = AzureAccount.objects.create(
        resource_id=resource, resource_key=resource, name="acme", subscription_id="bench",
        resource_group="rg", kind="OpenAI", region="eastus", first_seen_at=NOW, last_seen_at=NOW,
    )  # fmt: skip
    services = Service.objects.bulk_create(
        Service(team=team, name=f"Service {n}", slug=f"service-{n}", owner=lead, tier=2,
                environment="production", purpose="Drafts answers.")
        for n in range(SERVICES)
    )  # fmt: skip
    Deployment.objects.bulk_create(
        Deployment(
            account=account, name=f"chat-{n}", service=service, pool=pool,
            resource_id=f"{resource}/{n}", resource_key=f"{resource}/{n}", model_format="OpenAI",
            model_name="gpt-4o", model_version="1", sku_name="GlobalStandard",
            capacity_units=UNITS, settled_units=UNITS, provisioning_state="Succeeded",
            tokens_per_minute_per_unit=1000, first_seen_at=NOW, observed_at=NOW,
        )
        for n, service in enumerate(services)
    )  # fmt: skip
    return list(services)


def _make_entries(pool: Pool, services: list[Service]) -> None:
    """A baseline for each service, and bursts of eight hours all over the year."""
    dice, minutes = random.Random(7), int(YEAR.length.total_seconds()) // 60  # noqa: S311
    deployments = list(Deployment.objects.order_by("pk"))
    rows = []
    for n in range(ENTRIES):
        start = YEAR.start + timedelta(minutes=dice.randrange(minutes))
        end, kind = (start + 8 * HOUR, "burst") if n >= SERVICES else (FOREVER, "adopted")
        rows.append(
            LedgerEntry(
                pool=pool, deployment=deployments[n % SERVICES], service=services[n % SERVICES],
                units=UNITS, effective_from=YEAR.start if kind == "adopted" else start,
                effective_until=end, kind=kind, recorded_at=NOW - DAY,
            )
        )  # fmt: skip
    LedgerEntry.objects.bulk_create(rows, batch_size=2_000)
    know_the_rows(LedgerEntry, Deployment, Service)
