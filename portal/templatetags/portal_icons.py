"""Icons of the heroicons package, each drawn once: a list shows the same few on every row, and
drawing one takes longer than all the rest of its cell.
"""

from functools import lru_cache

from django import template
from heroicons.templatetags import heroicons

register = template.Library()
MOST_KEPT = 256


@register.simple_tag
@lru_cache(MOST_KEPT)
def heroicon_micro(name: str) -> str:
    """Of 16 pixels. Raises `heroicons.IconDoesNotExist`."""
    return heroicons.heroicon_micro(name)


@register.simple_tag
@lru_cache(MOST_KEPT)
def heroicon_outline(name: str) -> str:
    """Of 24 pixels. Raises `heroicons.IconDoesNotExist`."""
    return heroicons.heroicon_outline(name)
