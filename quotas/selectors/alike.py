"""Which service a deployment most likely belongs to, by its names and tags; quick for a thousand
services, once they are prepared (`alike_services`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from portal.kernel.likeness import LEAST_LIKENESS, Pieces, alike
from portal.kernel.tags import Tagged, Tags, tagged, telling

ACCOUNT_WEIGHT = 0.75  # a deployment's own name counts fully, its account's three quarters
LIKELIEST = 8


@dataclass(frozen=True)
class Named:
    """A service, as suggestions need it."""

    id: int
    slug: str
    name: str
    team: str


@dataclass(frozen=True)
class Signs:
    """What a deployment goes by: its name, its account's, and the tags of both."""

    name: str
    account: str
    tags: Tags = field(default_factory=dict)

    def tagged(self, service: Named) -> Tagged:
        return tagged(self.tags, service=(service.slug, service.name), team=(service.team,))

    def likeness(self, service: Named) -> float:
        """0 to 1."""
        return max(self.likeness_of_names(service), self.tagged(service).likeness)

    def likeness_of_names(self, service: Named) -> float:
        return max(
            alike(self.name, service.slug), ACCOUNT_WEIGHT * alike(self.account, service.slug)
        )

    def reason(self, service: Named) -> str:
        """`its tag Application = Helpdesk`, or `its name`: what speaks for it most."""
        by_tag = self.tagged(service)
        if by_tag.tag and by_tag.likeness >= self.likeness_of_names(service):
            return f"its tag {by_tag.tag}"
        return "its name"


class Alike:
    """Services by how alike they are to what a deployment goes by."""

    def __init__(self, services: Sequence[Named]) -> None:
        self.services = services
        self.by_id: Mapping[int | None, Named] = {each.id: each for each in services}
        self._pieces = Pieces((each.slug, each.team) for each in services)

    def best(self, signs: Signs) -> Named | None:
        """None where nothing is alike enough to propose one, or only a team's tag fits two."""
        found = self.most(signs)[:2]
        if not found or signs.likeness(found[0]) < LEAST_LIKENESS:
            return None
        is_tie = len(found) == 2 and signs.likeness(found[0]) == signs.likeness(found[1])
        return None if is_tie and signs.reason(found[0]) != "its name" else found[0]

    def most(self, signs: Signs) -> list[Named]:
        """The likeliest first."""
        near = [self.services[number] for number in self._near(signs)]
        near.sort(key=lambda service: -signs.likeness(service))
        return near[:LIKELIEST]

    def _near(self, signs: Signs) -> list[int]:
        weights = {signs.account: ACCOUNT_WEIGHT}
        return self._pieces.near(weights | dict.fromkeys((signs.name, *telling(signs.tags)), 1))
