"""Which service a caller or a deployment most likely is: proposed to a person, never applied.

Likeness of names is `portal.kernel.likeness`. The caller's own name counts fully, the product's
nine tenths, and a service is known by its slug, or by half of its team's. Tags in Azure (of
deployments; a gateway's callers have none) are `portal.kernel.tags`. A service is proposed when it
is alike by 0.55 or more and ahead of the next one by 0.2: where two fit, a person must tell.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from portal.kernel import formatting
from portal.kernel.likeness import LEAST_LIKENESS, alike, pieces_of
from portal.kernel.tags import Tagged, Tags, tagged, telling

OF_PRODUCT, OF_TEAM = 0.9, 0.5
LEAST_LEAD = 0.2
LIKELIEST = 8
NO_TAGS: Tags = MappingProxyType({})


@dataclass(frozen=True)
class Named:
    """A service by the names that it goes by."""

    id: int
    slug: str
    team_slug: str
    name: str = ""
    team_name: str = ""


@dataclass(frozen=True)
class Suggestion:
    service_id: int
    confidence: float  # 0.55 to 1
    tag: str = ""  # that speaks for it; "" where the names do

    @property
    def reason(self) -> str:
        """`names 92 % alike`, or the tag in Azure, and how alike its value is."""
        share = f"{formatting.percent(self.confidence)}"
        return f"tag {self.tag} in Azure" if self.tag else f"names {share} alike"


def suggest(
    caller: str, product: str, services: Iterable[Named], tags: Tags = NO_TAGS
) -> Suggestion | None:
    """None where nothing is alike enough, or two are."""
    return clear(judged(caller, product, services, tags))


def judged(
    caller: str, product: str, services: Iterable[Named], tags: Tags = NO_TAGS
) -> list[Suggestion]:
    """What speaks for each of the services, most first."""
    found = [_suggestion(caller, product, tags, service) for service in services]
    return sorted(found, key=lambda each: (each.confidence, each.service_id), reverse=True)


def clear(found: Sequence[Suggestion]) -> Suggestion | None:
    """The first of what was `judged`, where it is alike enough and well ahead of the next one."""
    if not found or found[0].confidence < LEAST_LIKENESS:
        return None
    if len(found) > 1 and found[0].confidence - found[1].confidence < LEAST_LEAD:
        return None
    return found[0]


class Suggester:
    """Suggests one of many services: those that share most letters are looked at closely."""

    def __init__(self, services: Sequence[Named]) -> None:
        self.services = services
        self._pieces = pieces_of(
            tuple((each.slug, each.name, each.team_slug, each.team_name) for each in services)
        )

    def judged(self, caller: str, product: str, tags: Tags = NO_TAGS) -> list[Suggestion]:
        """The likeliest few, most likely first."""
        return judged(caller, product, self._near(caller, product, tags), tags)[:LIKELIEST]

    def _near(self, caller: str, product: str, tags: Tags) -> list[Named]:
        weights = {product: OF_PRODUCT} | dict.fromkeys((caller, *telling(tags)), 1.0)
        return [self.services[number] for number in self._pieces.near(weights)]


def _suggestion(caller: str, product: str, tags: Tags, service: Named) -> Suggestion:
    by_name = likeness(caller, product, service)
    names, teams = (service.slug, service.name), (service.team_slug, service.team_name)
    by_tag = tagged(tags, service=names, team=teams) if tags else Tagged()
    if by_tag.tag and by_tag.likeness >= by_name:
        return Suggestion(service.id, by_tag.likeness, by_tag.tag)
    return Suggestion(service.id, by_name)


def likeness(caller: str, product: str, service: Named) -> float:
    return max(
        alike(caller, service.slug),
        OF_PRODUCT * alike(product, service.slug),
        OF_TEAM * alike(caller, service.team_slug),
    )
