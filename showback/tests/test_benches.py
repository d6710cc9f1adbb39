"""The bench measures, says in which unit, and leaves nothing behind."""

import pytest

from showback import benches
from showback.models import TouchedHour, UsageHour


@pytest.mark.django_db
def test_the_bench_leaves_nothing_behind():
    found = benches.bench_ingest(True)
    assert [row["step"] for row in found["rows"]][0] == "stored for the first time"
    assert found["hours"] == 60 * 24
    assert all(row["median ms"] > 0 for row in found["rows"])
    assert not UsageHour.objects.exists()
    assert not TouchedHour.objects.exists()
