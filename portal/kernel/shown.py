"""A number or time as people read it, which still knows its exact value.

`Shown` is a `str`: in Python, CSV and JSON it is its short text. A template prints it as an element
with the exact value on hover, because Django asks a value for `__html__` before it escapes it.
Inside an attribute use the filter `|text`.
"""

from html import escape
from typing import Self

NOT_KNOWN = "–"


class Shown(str):
    """Short text; `exact` on hover; `value` for machines (sorting, CSV); `tag` is data or time."""

    __slots__ = ("exact", "tag", "value")
    exact: str
    value: str
    tag: str

    def __new__(cls, text: str, *, exact: str = "", value: str = "", tag: str = "data") -> Self:
        shown = super().__new__(cls, text)
        shown.exact, shown.value, shown.tag = exact, value, tag
        return shown

    def __html__(self) -> str:
        attribute = "datetime" if self.tag == "time" else "value"
        title = f' title="{escape(self.exact)}"' if self.exact else ""
        opening = f'<{self.tag} {attribute}="{escape(self.value)}"{title}>'
        return f"{opening}{escape(str(self))}</{self.tag}>"


def not_known() -> Shown:
    """What stands where a value is missing: never a nought."""
    return Shown(NOT_KNOWN, exact="not known")
