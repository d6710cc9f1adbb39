"""Where what is asked would fit if the service had a deployment there, which it has not. Pure.

Headroom makes no deployments, so such a place cannot be asked of: it has to be planned first. A
plan takes a first baseline from now on for good. What is asked without an end is that baseline, as
far as the form can ask for it; all else is asked on top of it, once the deployment is there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.kernel.windows import FOREVER, Window
from quotas.domain.options import Wish
from quotas.domain.residency import ZONE_OF, Place, why_barred
from quotas.domain.starts import FreeLine

MOST = 3


@dataclass(frozen=True)
class Opening:
    """One deployment type in one account; `key` names it and no other. `first` units are its first
    baseline, `in_all` with what is asked on top. `line` ends never.
    """

    key: str
    place: Place
    first: int
    in_all: int
    line: FreeLine
    observes: bool = False  # what is granted there is not written to Azure


def openings(
    wish: Wish, asked_at: Place, home: Iterable[str], found: Iterable[Opening]
) -> list[Opening]:
    """At most `MOST` in which all of it fits, the best first; `home` are the regions in which the
    service is. First the region that was asked, then its data zone; then the type that was asked;
    then pools that apply before those that only observe; then the one with most left.
    """
    regions = list(home)
    kept = [each for each in found if _suits(each, wish) and not _is_barred(each, wish, regions)]
    return sorted(kept, key=lambda each: _order(each, wish, asked_at))[:MOST]


def _is_barred(each: Opening, wish: Wish, home: list[str]) -> bool:
    """A type that is not known is not suggested, wherever the data may be."""
    return each.place.reach is None or bool(why_barred(wish.allowed, each.place, home))


def _suits(each: Opening, wish: Wish) -> bool:
    lasts = Window(each.line.window.start, FOREVER)
    is_free = each.line.least(lasts) >= each.first and _left(each, wish) >= 0
    return is_free and not each.line.is_frozen(wish.window.start)


def _left(each: Opening, wish: Wish) -> int:
    return each.line.least(wish.window) - each.in_all


def _order(each: Opening, wish: Wish, asked_at: Place) -> tuple[object, ...]:
    here, zone = each.place.region, ZONE_OF.get(asked_at.region)
    distance = 0 if here == asked_at.region else 1 if zone and zone == each.place.zone else 2
    other_type = each.place.sku_name != asked_at.sku_name
    return distance, other_type, each.observes, -_left(each, wish), each.key
