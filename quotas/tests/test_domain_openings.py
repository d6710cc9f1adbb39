"""Where a deployment could be planned instead: within the residency, where all of it fits."""

from datetime import timedelta

from portal.kernel.windows import FOREVER, Window
from quotas.domain.availability import Room, free_steps
from quotas.domain.ledger import Entry
from quotas.domain.openings import MOST, Opening, openings
from quotas.domain.options import Wish
from quotas.domain.residency import Place, Reach
from quotas.domain.starts import FreeLine
from quotas.tests.factories import NOON

HOUR = timedelta(hours=1)
HERE = Place("Standard", "westeurope")
WINDOW = Window(NOON + 10 * HOUR, NOON + 14 * HOUR)


def opening(
    key: str,
    place: Place = HERE,
    *,
    held: tuple[int, int, int] = (0, 0, 1),
    frozen: tuple[Window, ...] = (),
    first: int = 1,
    in_all: int = 41,
    observes: bool = False,
) -> Opening:
    """In a pool of 100 units, of which `held` are from an hour after noon to another."""
    units, start, end = held
    entries = [Entry(1, units, Window(NOON + start * HOUR, NOON + end * HOUR))]
    for_ever = Window(NOON, FOREVER)
    line = FreeLine(free_steps(entries, Room(100), for_ever), for_ever, frozen=frozen)
    return Opening(key, place, first, in_all, line, observes)


def found(*offered: Opening, allowed: Reach = Reach.ANYWHERE, home: tuple[str, ...] = ()) -> str:
    kept = openings(Wish(WINDOW, allowed), HERE, home, offered)
    return "".join(each.key for each in kept)


def test_the_first_baseline_has_to_fit_for_good_and_the_rest_in_the_window():
    assert found(opening("a", held=(59, 11, 12)), opening("b", held=(60, 11, 12))) == "a"
    assert found(opening("c", held=(100, 500, 501))) == ""
    assert found(opening("d", held=(99, 500, 501))) == "d"


def test_nothing_is_offered_where_its_data_must_not_be_or_where_that_is_not_known():
    places = [
        opening("a", Place("GlobalStandard", "westeurope")),
        opening("b", Place("DataZoneStandard", "eastus")),
        opening("c", Place("DataZoneStandard", "swedencentral")),
        opening("d", Place("DeveloperTier", "westeurope")),
    ]
    assert found(*places, allowed=Reach.DATA_ZONE, home=("westeurope",)) == "c"
    assert found(*places, allowed=Reach.REGION, home=("westeurope",)) == ""
    assert "d" not in found(*places)


def test_a_start_in_a_freeze_is_not_moved_into_the_same_freeze_elsewhere():
    assert found(opening("a", frozen=(Window(NOON, NOON + 20 * HOUR),))) == ""


def test_the_region_comes_first_then_its_zone_then_the_type_and_what_applies():
    offered = [
        opening("f", Place("Standard", "eastus")),
        opening("d", Place("Standard", "swedencentral"), observes=True),
        opening("e", Place("DataZoneStandard", "swedencentral")),
        opening("c", Place("Standard", "swedencentral"), held=(20, 10, 11)),
        opening("b", Place("Standard", "swedencentral")),
        opening("a", Place("DataZoneStandard", "westeurope")),
    ]
    assert found(*offered) == "abc"
    assert found(*reversed(offered)) == "abc"
    assert found(*offered[:3]) == "def"
    assert len("abc") == MOST
