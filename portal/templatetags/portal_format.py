"""How numbers, money and times look: the one formatter, used by templates and selectors alike."""

from django import template

register = template.Library()
