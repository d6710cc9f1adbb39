"""Which service a deployment most likely belongs to, by its name; quick for a thousand services."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest

from portal.kernel.likeness import LEAST_LIKENESS, alike

ACCOUNT_WEIGHT = 0.75  # a deployment's own name counts fully, its account's three quarters
LIKELIEST = 8
COMPARED = 12  # services with most letters in common, looked at closely
PIECE = 3


@dataclass(frozen=True)
class Named:
    """A service, as suggestions need it."""

    id: int
    slug: str
    name: str
    team: str


class Alike:
    """Services by how alike their names are to another name."""

    def __init__(self, services: Sequence[Named]) -> None:
        self.services = services
        self._by_piece: dict[str, list[int]] = {}
        for number, service in enumerate(services):
            for piece in _pieces(service.slug):
                self._by_piece.setdefault(piece, []).append(number)

    def best(self, name: str, account: str) -> Named | None:
        """None where no name is alike enough to propose one."""
        found = self.most(name, account)[:1]
        return found[0] if found and likeness(name, account, found[0]) >= LEAST_LIKENESS else None

    def most(self, name: str, account: str) -> list[Named]:
        """The likeliest first."""
        near = [self.services[number] for number in self._near(name, account)]
        near.sort(key=lambda service: -likeness(name, account, service))
        return near[:LIKELIEST]

    def _near(self, name: str, account: str) -> list[int]:
        """Those that share most pieces, rare ones first: a piece of every name tells nothing."""
        shared: dict[int, float] = {}
        weights = dict.fromkeys(_pieces(account), ACCOUNT_WEIGHT) | dict.fromkeys(_pieces(name), 1)
        for piece, weight in weights.items():
            numbers = self._by_piece.get(piece, ())
            for number in numbers:
                shared[number] = shared.get(number, 0) + weight / len(numbers)
        return nlargest(COMPARED, shared, key=lambda number: shared[number])


def likeness(name: str, account: str, service: Named) -> float:
    """0 to 1."""
    return max(alike(name, service.slug), ACCOUNT_WEIGHT * alike(account, service.slug))


def _pieces(name: str) -> set[str]:
    letters = "".join(each for each in name.lower() if each.isalnum())
    return {letters[at : at + PIECE] for at in range(len(letters) - PIECE + 1)}
