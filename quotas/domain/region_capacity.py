"""Whether Azure itself has the capacity for a grow of provisioned throughput, as it says. Pure.

Quota is a permission, not capacity: a region may have none of a model although the quota is there.
Azure tells the largest new deployment that both allow; a grow in place may be smaller than a new
one has to be, so below the minimum its answer leaves the grow open.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.kernel.units import UnitStep
from quotas.domain.residency import Place

MOST_PLACES = 3


@dataclass(frozen=True)
class Available:
    """The units of one model that can be deployed in one place now."""

    place: Place
    units: int


def is_short(growth: int, available: int, step: UnitStep) -> bool:
    """Whether it is certain that so many units more are not there."""
    return growth > max(available, step.minimum - 1)


def places_for(growth: int, rows: Iterable[Available], here: Place) -> list[Place]:
    """Where so many units are there, provisioned or not as `here`: the same type first, then the
    same region, the most of it first; three at most.
    """
    enough = [
        row
        for row in rows
        if row.units >= growth and row.place != here and _counts_alike(row.place, here)
    ]
    enough.sort(
        key=lambda row: (
            row.place.sku_name != here.sku_name,
            row.place.region != here.region,
            -row.units,
            row.place.region,
        )
    )
    return [row.place for row in enough[:MOST_PLACES]]


def _counts_alike(one: Place, other: Place) -> bool:
    """PTUs and units of tokens are not the same amount; batches are neither."""
    kinds = ("provisioned", "batch")
    names = [place.sku_name.lower() for place in (one, other)]
    return all((kind in names[0]) == (kind in names[1]) for kind in kinds)


def places_sentence(others: Iterable[Place]) -> str:
    """What to do instead where Azure has no capacity."""
    found = [f"{place.sku_name} in {place.region}" for place in others]
    if not found:
        return "No other place where this model may go has them either: ask for less, or wait."
    return (
        f"It has them as {' or as '.join(found)}: plan a deployment there, ask for less, or wait."
    )


def expected_sentence(
    model: str, here: Place, growth: int, available: int, step: UnitStep, others: Iterable[Place]
) -> str:
    """The same of something that is only asked for: it may be there by then."""
    least = f"{available:,}" if available else f"fewer than {step.minimum:,}"
    return (
        f"Azure has no capacity for {growth:,} more provisioned units of {model} as "
        f"{here.sku_name} in {here.region} now, only for {least}: quota is no promise of capacity, "
        f"and neither is a grant. It may be there by the start; Azure is asked again ten minutes "
        f"before. {places_sentence(others)}"
    )


def shortage_sentence(
    model: str, here: Place, growth: int, available: int, step: UnitStep, others: Iterable[Place]
) -> str:
    """What is missing, and what to do."""
    least = f"{available:,}" if available else f"fewer than {step.minimum:,}"
    return (
        f"Azure has no capacity for {growth:,} more provisioned units of {model} as "
        f"{here.sku_name} in {here.region}, only for {least}: quota is no promise of capacity. "
        f"Nothing was sent; Azure is asked again every few minutes. "
        f"{places_sentence(others)}"
    )
