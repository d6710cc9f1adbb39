"""How alike two names are: for suggestions that a person confirms, never for a decision. Pure."""

import re
from difflib import SequenceMatcher

LEAST_LIKENESS = 0.55  # below this a guess is more likely wrong than right
# Words that name the technology or the stage, not the service.
COMMON = frozenset(
    "gpt openai azure aoai oai ai mini nano prod production dev test staging model deployment "
    "apim api key subscription product app client service".split()
)
WORD = re.compile(r"[a-z]{3,}")


def alike(name: str, slug: str) -> float:
    """0 to 1. Whole words in common weigh most; spelling settles the rest."""
    left, right = _words(name), _words(slug)
    if not left or not right:
        return 0.0
    shared = len(left & right) / len(right)
    spelt = SequenceMatcher(None, " ".join(sorted(left)), " ".join(sorted(right))).ratio()
    return max(shared, spelt)


def _words(name: str) -> set[str]:
    return set(WORD.findall(name.lower())) - COMMON
