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
WORD = re.compile(r"[a-z]{3,}")


def alike(name: str, slug: str) -> float:
    """0 to 1. Whole words in common weigh most; spelling settles the rest."""
    left, right = _words(name), _words(slug)
    if not left or not right:
        return 0.0
    shared = len(left & right) / len(right)
    spelt = SequenceMatcher(None, " ".join(sorted(left)), " ".join(sorted(right))).ratio()
    return max(shared, spelt)


class Pieces:
    """Finds the few of many names that are worth comparing: quick for a thousand of them."""

    def __init__(self, names: Iterable[Iterable[str]]) -> None:
        """By number, the names that each goes by."""
        self._by_piece: dict[str, list[int]] = {}
        for number, known in enumerate(names):
            for piece in set().union(*map(pieces, known)):
                self._by_piece.setdefault(piece, []).append(number)

    def near(self, signs: Mapping[str, float]) -> list[int]:
        """Numbers of those that share most pieces with the signs, each of which has a weight: rare
        pieces first, as one of every name tells nothing.
        """
        weights: dict[str, float] = {}
        for sign, weight in sorted(signs.items(), key=lambda pair: pair[1]):
            weights |= dict.fromkeys(pieces(sign), weight)
        shared: dict[int, float] = {}
        for piece, weight in weights.items():
            numbers = self._by_piece.get(piece, ())
            for number in numbers:
                shared[number] = shared.get(number, 0) + weight / len(numbers)
        return nlargest(COMPARED, shared, key=lambda number: shared[number])


def pieces(name: str) -> set[str]:
    """Every three letters in a row, whatever stands between them."""
    letters = "".join(each for each in name.lower() if each.isalnum())
    return {letters[at : at + PIECE] for at in range(len(letters) - PIECE + 1)}


@lru_cache(maxsize=4096)
def _words(name: str) -> frozenset[str]:
    return frozenset(WORD.findall(name.lower())) - COMMON
