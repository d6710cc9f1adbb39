"""How alike two names are: for suggestions that a person confirms, never for a decision. Pure."""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nlargest

LEAST_LIKENESS = 0.55  # below this a guess is more likely wrong than right
# Words that name the technology or the stage, not the service.
COMMON = frozenset(
    "gpt openai azure aoai oai ai mini nano prod production dev test staging model deployment "
    "apim api key subscription product app client service".split()
)
COMPARED = 12  # names with most letters in common: those that are worth looking at closely
PIECE = 3
RARE = 100  # names; a piece that more of them have hardly tells them apart
WORD = re.compile(r"[a-z]{3,}")
NO_LETTER = re.compile(r"[\W_]+")


def alike(name: str, slug: str) -> float:
    """0 to 1. Whole words in common weigh most; spelling settles the rest."""
    left, right = _words(name), _words(slug)
    if not left or not right:
        return 0.0
    shared = len(left & right) / len(right)
    spelt = SequenceMatcher(None, " ".join(sorted(left)), " ".join(sorted(right))).ratio()
    return max(shared, spelt)


class Pieces:
    """Finds the few of many names that are worth comparing: quick for a thousand of them.

    It never changes once it is made, so `pieces_of` makes it once for the same names.
    """

    def __init__(self, names: Iterable[Iterable[str]]) -> None:
        """By number, the names that each goes by."""
        self._by_piece: dict[str, list[int]] = {}
        for number, known in enumerate(names):
            for piece in set().union(*map(pieces, known)):
                self._by_piece.setdefault(piece, []).append(number)

    def near(self, signs: Mapping[str, float]) -> list[int]:
        """Numbers of those that share most pieces with the signs, each of which has a weight: rare
        pieces first, as one of every name tells nothing. Pieces that many names have count only
        where the rare ones do not find enough.
        """
        weights: dict[str, float] = {}
        for sign, weight in sorted(signs.items(), key=lambda pair: pair[1]):
            weights |= dict.fromkeys(pieces(sign), weight)
        found = [(numbers, weights[p]) for p in weights if (numbers := self._by_piece.get(p))]
        shared = _shared(part for part in found if len(part[0]) <= RARE)
        if len(shared) < COMPARED:
            shared = _shared(found)
        return nlargest(COMPARED, shared, key=lambda number: shared[number])


def _shared(found: Iterable[tuple[list[int], float]]) -> dict[int, float]:
    shared: dict[int, float] = {}
    for numbers, weight in found:
        each = weight / len(numbers)
        for number in numbers:
            shared[number] = shared.get(number, 0) + each
    return shared


@lru_cache(maxsize=8)
def pieces_of(names: tuple[tuple[str, ...], ...]) -> Pieces:
    """The same for the same names: of a thousand services it takes longer than most pages."""
    return Pieces(names)


def pieces(name: str) -> set[str]:
    """Every three letters in a row, whatever stands between them."""
    letters = NO_LETTER.sub("", name.lower())
    return {letters[at : at + PIECE] for at in range(len(letters) - PIECE + 1)}


@lru_cache(maxsize=4096)
def _words(name: str) -> frozenset[str]:
    return frozenset(WORD.findall(name.lower())) - COMMON
