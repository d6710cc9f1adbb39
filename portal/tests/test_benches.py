"""Benches measure, say in which unit, and leave nothing behind."""

import pytest
from django.db import connection

from portal.management.benches import ingest, rollup, storage
from portal.management.benches.sandbox import SCHEMA, own_tables
from showback.models import CostLine, PriceRow, TouchedHour, UsageDayBlock, UsageHour, UsagePull

TABLES = (CostLine, PriceRow, TouchedHour, UsageDayBlock, UsageHour, UsagePull)


def left_behind() -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [SCHEMA])
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
