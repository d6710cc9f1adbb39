"""The names of quota tiers: Free and 1 to 6, in either of the spellings Azure is seen to use."""

from __future__ import annotations

import re

HIGHEST = 6
_LEVEL = re.compile(r"free(?:[ -]tier)?|tier[ -]([1-6])", re.IGNORECASE)


def level_of(name: str) -> int | None:
    """0 for Free, 1 to 6 for a tier in either spelling; None for anything else."""
    match = _LEVEL.fullmatch(name.strip())
    return None if match is None else int(match[1] or 0)


def tier_name(level: int, joiner: str = " ") -> str:
    """``Tier 1`` and ``Free Tier``, or with another joiner ``Tier-1`` and ``Free-Tier``."""
    return f"Tier{joiner}{level}" if level else f"Free{joiner}Tier"
