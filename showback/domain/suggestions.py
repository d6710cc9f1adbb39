"""Which service a caller most likely is, from names alone: proposed to a person, never applied.

Likeness is `portal.kernel.likeness`. The caller's own name counts fully, the product's nine tenths,
and a service is known by its slug, or by half of its team's. A service is proposed when it is alike
by 0.55 or more and ahead of the next one by 0.2: where two fit, a person must tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.kernel.likeness import LEAST_LIKENESS, alike

OF_PRODUCT, OF_TEAM = 0.9, 0.5
LEAST_LEAD = 0.2


@dataclass(frozen=True)
class Named:
    """A service by the names that it goes by."""

    id: int
    slug: str
    team_slug: str


@dataclass(frozen=True)
class Suggestion:
    service_id: int
    confidence: float  # 0.55 to 1


def suggest(caller: str, product: str, services: Iterable[Named]) -> Suggestion | None:
    """None where no name is alike enough, or two are."""
    found = sorted(((likeness(caller, product, s), s.id) for s in services), reverse=True)
    if not found or found[0][0] < LEAST_LIKENESS:
        return None
    if len(found) > 1 and found[0][0] - found[1][0] < LEAST_LEAD:
        return None
    return Suggestion(found[0][1], found[0][0])


def likeness(caller: str, product: str, service: Named) -> float:
    return max(
        alike(caller, service.slug),
        OF_PRODUCT * alike(product, service.slug),
        OF_TEAM * alike(caller, service.team_slug),
    )
