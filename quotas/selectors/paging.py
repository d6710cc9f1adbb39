"""Pages of long lists by cursor: newest first, the address holds where one is."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    """`newer_url` and `older_url` are query strings, empty where there is nothing more."""

    rows: list[Any]
    newer_url: str
    older_url: str


def page(rows: QuerySet[Any], params: QueryDict, *, size: int = PAGE_SIZE) -> Page:
    """By id, which grows with time: `?before=ID` and `?after=ID`. Odd cursors count as none."""
    after, before = _number(params.get("after")), _number(params.get("before"))
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        more_newer, more_older = len(found) > size, True
        found = found[:size][::-1]
    else:
        older = rows if before is None else rows.filter(pk__lt=before)
        found = list(older.order_by("-pk")[: size + 1])
        more_newer, more_older = before is not None, len(found) > size
        found = found[:size]
    return Page(
        found,
        _url(params, after=found[0].pk) if found and more_newer else "",
        _url(params, before=found[-1].pk) if found and more_older else "",
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _url(params: QueryDict, **cursor: int) -> str:
    kept = params.copy()
    for name in ("after", "before"):
        kept.pop(name, None)
    kept.update({name: str(value) for name, value in cursor.items()})
    return f"?{kept.urlencode()}"
