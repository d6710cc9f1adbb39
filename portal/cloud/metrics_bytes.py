"""Bytes of a `metrics:getBatch` answer to JSON, without an object for each point.

Nine tenths of an answer are points, `{"timeStamp":"2026-01-01T00:00:00Z","total":12.0}`, and all of
a point but its value is known beforehand: the slots are those asked for, in their order. So numpy
compares the bytes of all points with what they must be, eight at a time, and leaves them out; what
is left is the same JSON with a list of values in the place of each list of points, and a fraction
of the work for the parser. Where any byte is another one, the answer is read point by point.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

OPEN, CLOSE = b"{}"
WORD = 8
STAMP_CHARACTERS = 16  # as in `metrics_answer`
FIRST = b'{"timeStamp":"'
NULL = np.frombuffer(b"null", dtype=np.uint8)

Ints = NDArray[np.int64]


def read_body(content: bytes, stamps: Sequence[str], field: str) -> dict[str, Any]:
    """The answer, in which `data` is a list of points, or of a value (or None) for each stamp.

    `field` is the aggregation's key in a point. Raises ValueError for what is not JSON, TypeError
    for JSON that is no object.
    """
    body = _read_thinned(content, stamps, field)
    if body is None:
        body = orjson.loads(content)
    if not isinstance(body, dict):
        raise TypeError(f"an object was expected, not a {type(body).__name__}")
    return body


def _read_thinned(content: bytes, stamps: Sequence[str], field: str) -> Any:
    """None where the points are not as they must be; then nothing is known of the rest either."""
    thinned = _without_points(content, stamps, field)
    if thinned is None:
        return None
    try:
        body = orjson.loads(thinned)
        lengths = {
            len(series["data"])
            for resource in body["values"]
            for metric in resource["value"]
            for series in metric["timeseries"]
        }
    except (KeyError, TypeError, ValueError):
        return None
    return body if lengths <= {0, len(stamps)} else None


def _without_points(content: bytes, stamps: Sequence[str], field: str) -> bytes | None:
    """Values in the place of points; None where not every point is one of those expected."""
    first = content.find(FIRST)
    end = content.find(b'"', first + len(FIRST)) + 1
    if first < 0 or end <= 0:
        return None
    tail = content[first + len(FIRST) + STAMP_CHARACTERS : end]
    heads = [FIRST + stamp.encode() + tail for stamp in stamps]
    name = f',"{field}":'.encode()
    raw, words = np.frombuffer(content, np.uint8), _words(content)
    starts, ends = _points(raw, words)
    longest = len(heads[0]) + len(name) + WORD
    if starts is None or len(starts) % len(stamps) or starts[-1] + longest > len(raw):
        return None
    has_value = ends - starts != len(heads[0])
    after = starts[has_value] + len(heads[0])
    if not (_all_are(words, starts, heads) and _all_are(words, after, [name])):
        return None
    return _cut(raw, (starts, ends), has_value, len(heads[0]) + len(name))


def _words(content: bytes) -> NDArray[np.uint64]:
    """The eight bytes that begin at each byte."""
    return np.ndarray((len(content) - WORD + 1,), "<u8", content, strides=(1,))


def _points(raw: NDArray[np.uint8], words: NDArray[np.uint64]) -> tuple[Any, Ints]:
    """Where each point begins, and its closing brace. Starts are None where that cannot be told."""
    braces = np.flatnonzero((raw == OPEN) | (raw == CLOSE))
    braces = braces[braces < len(words)]
    found = np.flatnonzero(words[braces] == _word(FIRST, 0))
    if not len(found) or found[-1] + 1 == len(braces):
        return None, braces
    ends = braces[found + 1]  # a value has no braces, so the next one closes its point
    return (braces[found], ends) if (raw[ends] == CLOSE).all() else (None, ends)


def _all_are(words: NDArray[np.uint64], at: Ints, texts: Sequence[bytes]) -> bool:
    """Whether at each place the text stands whose turn it is (the first again after the last)."""
    length = len(texts[0])
    places = at.reshape(-1, len(texts))
    for offset in [*range(0, length - WORD, WORD), length - WORD]:
        expected = np.array([_word(text, offset) for text in texts], dtype=np.uint64)
        if (words[places + offset] != expected).any():
            return False
    return True


def _word(text: bytes, offset: int) -> int:
    return int.from_bytes(text[offset : offset + WORD], "little")


def _cut(
    raw: NDArray[np.uint8], points: tuple[Ints, Ints], has_value: NDArray[np.bool_], head: int
) -> bytes:
    """Leaves the value of each point, and `null` of those that have none."""
    starts, ends = points
    step = np.zeros(len(raw) + 1, dtype=np.int8)
    step[starts] = 1
    step[np.where(has_value, starts + head, ends)] = -1
    keep = np.cumsum(step[:-1], dtype=np.int8) == 0
    keep[ends] = False
    if not has_value.all():
        raw = raw.copy()
        empty = (starts[~has_value, None] + np.arange(len(NULL))).ravel()
        raw[empty], keep[empty] = np.tile(NULL, len(empty) // len(NULL)), True
    return raw[keep].tobytes()
