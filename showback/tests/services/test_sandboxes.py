"""Use of a deployment that takes sandboxes is of those who hold a sandbox on it, by the hour."""

from types import SimpleNamespace

from portal.kernel.windows import HOUR, MINUTE, Window
from showback.models import CostLine, ServiceHour
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import AT, START

FIRST, SECOND, THIRD = (START + n * HOUR for n in range(3))


def shares(world: SimpleNamespace, hour: object) -> dict[int | None, tuple[str, int]]:
    rows = ServiceHour.objects.filter(deployment=world.stray, hour=hour)
    return {row.service_id: (row.method, row.ok_requests) for row in rows}


def test_the_person_whose_sandbox_it_is_used_it_and_two_share_by_what_they_hold(
    world: SimpleNamespace,
) -> None:
    """Nobody's in the first hour, Ben's in the second, in the third Ben's and Ada's as 30 to 10."""
    bens = make.service("Sandbox of Ben: gpt-4o", world.atlas)
    adas = make.service("Sandbox of Ada: gpt-4o", world.atlas)
    make.hold(world.stray, bens, 30, start=SECOND, end=THIRD + HOUR, kind="burst")
    make.hold(world.stray, adas, 10, start=THIRD, end=THIRD + HOUR, kind="burst")
    pull_window(Window(START, AT), MINUTE, at=AT)
    fill_everything(at=AT)
    assert set(shares(world, FIRST)) == {None}
    (ben_alone,) = shares(world, SECOND).items()
    assert ben_alone[0] == bens.pk
    assert ben_alone[1][0] == "holder"
    both = shares(world, THIRD)
    assert {method for method, _ in both.values()} == {"held_share"}
    assert both[bens.pk][1] == 3 * both[adas.pk][1] > 0
    paid = CostLine.objects.filter(service=bens)
    assert {line.team_id for line in paid} == {world.atlas.pk}
    assert sum(line.amount for line in paid) > 0
