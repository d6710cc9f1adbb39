"""Which part of a long list is shown: by page number, and narrowed by what somebody searched."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

SIZE = 25
ALL, MOST = "all", 2_000  # `?page=all`: every row, for a file; never more at once than this
LONGEST_QUERY = 100


@dataclass(frozen=True)
class Slice:
    """Rows `[start, stop)` of `total`, counted from 0; addresses are "" where there is nothing."""

    start: int
    stop: int
    total: int
    query: str
    previous_url: str = ""
    next_url: str = ""
    all_url: str = ""  # of all the rows in one page

    @property
    def is_long(self) -> bool:
        """Whether there is more than these rows: then the server searches, not the browser."""
        return bool(self.query) or self.stop - self.start < self.total

    @property
    def in_file(self) -> int:
        """How many rows a file of the list has where it cannot have all of them; else 0."""
        return MOST if self.total > MOST else 0

    @property
    def text(self) -> str:
        """`26–50 of 900`; of one row or none the number alone."""
        if self.total < 2:
            return str(self.total)
        return f"{self.start + 1:,}–{self.stop:,} of {self.total:,}"


def query_of(params: Mapping[str, str]) -> str:
    """What was searched, trimmed."""
    return params.get("q", "").strip()[:LONGEST_QUERY]


def slice_of(
    params: Mapping[str, str], total: int, *, size: int = SIZE, in_whole: bool = True
) -> Slice:
    """`?page=2` of so many rows, `?page=all` for all. Odd numbers count as the first page, those
    beyond as the last; `all` of a list that is not shown `in_whole` as the first.
    """
    last = max(1, -(-total // size))
    text = params.get("page", "")
    if text == ALL and in_whole:
        return Slice(0, min(total, MOST), total, query_of(params))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    number = min(max(1, number), last)

    def to(page: int | str) -> str:
        kept = {name: value for name, value in params.items() if name != "page"}
        return f"?{urlencode({**kept, 'page': page})}"

    def url(other: int) -> str:
        return to(other) if 1 <= other <= last else ""

    start = (number - 1) * size
    stop = min(start + size, total)
    others = (url(number - 1), url(number + 1), to(ALL) if in_whole and last > 1 else "")
    return Slice(start, stop, total, query_of(params), *others)
