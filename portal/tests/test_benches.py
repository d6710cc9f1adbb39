"""Benches measure, say in which unit, and leave nothing behind."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection
from django.db.models import Sum

from portal.kernel.clock import now
from portal.management.benches import apply, approvals, ingest, pages, rollup, storage
from portal.management.benches.azure_judge import Judge
from portal.management.benches.made_organisation import make_organisation
from portal.management.benches.made_quarter import make_quarter
from portal.management.benches.made_work import make_work
from portal.management.benches.sandbox import SCHEMA, own_tables
from quotas.models import LedgerEntry
from showback.models import (
    CostLine,
    PriceRow,
    ServiceDay,
    TouchedHour,
    UsageDayBlock,
    UsageHour,
    UsagePull,
)

TABLES = (CostLine, PriceRow, TouchedHour, UsageDayBlock, UsageHour, UsagePull)


def left_behind() -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE starts_with(nspname, %s)", [SCHEMA])
        return [*cursor.fetchall(), *(row for table in TABLES for row in table.objects.all())]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "ACCOUNTS", 5)
    monkeypatch.setattr("portal.management.benches.azure_bodies.DEPLOYMENTS", 2)
    monkeypatch.setattr(storage, "SIZED_DAYS", 2)
    monkeypatch.setattr(storage, "YEAR", 3)


@pytest.mark.django_db(transaction=True)
def test_ingest_is_measured_against_its_floors(small: None) -> None:
    found = ingest.bench_ingest(True)
    assert found["calls"] == 10
    assert all(row["median ms"] > 0 for row in found["rows"])
    for key in ("times_faster_than_sdk_objects", "times_of_floor", "points_per_s", "peak_mib"):
        assert found[key] > 0
    before, after = (found[f"bytes_per_deployment_year_{w}"] for w in ("before", "after"))
    assert before > after > 0
    assert left_behind() == []


@pytest.mark.django_db(transaction=True)
def test_the_roll_up_is_measured_on_an_organisation_of_its_own() -> None:
    with own_tables():
        ids = rollup.make_organisation(6)
        rollup.store_day(ids, rollup.TODAY)
        assert rollup.roll_up_and_cost(at=rollup.AT, seconds=60) == [rollup.TODAY.date()]
        assert CostLine.objects.filter(amount__isnull=False).exists()
    assert left_behind() == []


@pytest.mark.django_db(transaction=True)
def test_a_bench_that_fails_takes_its_tables_with_it() -> None:
    with pytest.raises(RuntimeError), own_tables():
        raise RuntimeError
    assert left_behind() == []


@pytest.mark.django_db(transaction=True)
def test_a_bench_on_a_database_without_migrations_says_what_to_do() -> None:
    with own_tables(), pytest.raises(CommandError, match="run `manage.py migrate` first"):  # noqa: SIM117
        with own_tables():  # the copies are empty: in them nothing was ever migrated
            pass


@pytest.mark.timeout(300)  # two quarters of minutes, and every page several times
@pytest.mark.django_db(transaction=True)
def test_every_page_is_measured_at_two_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "DEMO_DEPLOYMENTS", 4)
    monkeypatch.setattr(pages, "QUICK_DEPLOYMENTS", 12)
    monkeypatch.setattr(pages, "QUICK_ROUNDS", 1)
    monkeypatch.setattr(pages, "IN_A_ROW", 2)
    found = pages.bench_pages(True)["pages"]
    assert {"home", "home of a team", "health", "pools", "showback_month"} <= set(found)
    assert not {"request_approve", "map_deployment", "showback"} & set(found)  # no pages
    for page in found.values():
        assert page["median_ms"] > 0
        assert page["ratio_to_demo"] > 0
        assert page["queries"] > 0
    asked = {name: page["queries"] for name, page in found.items()}
    above = {name: count for name, count in asked.items() if count > pages.MOST_QUERIES}
    assert not above, above
    assert left_behind() == []


@pytest.mark.django_db(transaction=True)
def test_a_quarter_is_made_of_what_the_portal_itself_writes() -> None:
    with own_tables():
        made = make_organisation(4, at=now())
        make_quarter(made)
        make_work(made)
        days = ServiceDay.objects.values_list("day", flat=True).distinct()
        assert len(days) == 93
        whole = ServiceDay.objects.aggregate(n=Sum("ok_requests"))["n"]
        assert whole == UsageHour.objects.aggregate(n=Sum("ok_requests"))["n"] > 0
    assert left_behind() == []


@pytest.mark.django_db(transaction=True)
def test_approvals_are_measured_through_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals, "ENTRIES", 300)
    monkeypatch.setattr(approvals, "SERVICES", 10)
    monkeypatch.setattr(approvals, "QUICK", (12, 60))
    found = approvals.bench_approvals(True)
    assert found["entries"] == 300 + 2 * 12  # each approval wrote its own
    for key in ("decisions_per_s", "check_p95_ms", "check_endless_p95_ms"):
        assert found[key] > 0
    assert not LedgerEntry.objects.exists()
    assert left_behind() == []


@pytest.mark.django_db(transaction=True)
def test_applying_is_measured_against_a_simulated_azure_and_judged_by_its_log(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HEADROOM_APPLY_LANES = 3
    monkeypatch.setattr(apply, "QUICK", (3, 2))
    monkeypatch.setattr(apply, "OPERATION_SECONDS", 0.5)
    found = apply.bench_apply(True)
    assert (found["changes"], found["writes"], found["lost"], found["over_applied"]) == (6, 6, 0, 0)
    assert found["times_of_bound"] >= 1
    assert left_behind() == []


def test_the_judge_sees_what_is_lost_and_what_is_too_much() -> None:
    def state(*capacities: int) -> dict[str, Any]:
        steps = [{"at": None, "capacity": 5}]
        steps += [
            {"at": f"2026-03-02T12:00:0{n}Z", "capacity": units}
            for n, units in enumerate(capacities)
        ]
        row = {"name": "D", "capacity_history": steps}
        return {"limits": [{"subscription": "s", "limit": 8}],
                "accounts": [{"id": "/subscriptions/s/a", "deployments": [row]}]}  # fmt: skip

    def verdict(*capacities: int, refused: int = 0) -> tuple[int, int]:
        azure = SimpleNamespace(
            get=lambda path, **_: (
                [{"n": n, "status": 400} for n in range(refused)]
                if path == "/log"
                else state(*capacities)
            )
        )
        judge = Judge(azure)  # type: ignore[arg-type]
        found = judge.verdict({"/subscriptions/s/a/deployments/d": 7})
        return found["lost"], found["over_applied"]

    assert verdict(7) == (0, 0)
    assert verdict(6) == (1, 0)
    assert verdict(8, 7) == (0, 1)  # more than was wanted
    assert verdict(9, 7) == (0, 2)  # and more than the limit
    assert verdict(7, refused=1)[1] > 0
