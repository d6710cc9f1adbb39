"""A day of minutes of one measure as bytes, and back, exactly.

Whole numbers from −1 (MISSING) to 2³¹ − 1, one for each of the 1,440 minutes, are stored plus one
in the narrowest of 1, 2 or 4 bytes, little-endian, and compressed with zlib level 1 where that
saves a fifth or more: inflating a day takes ten times as long as all else that is done to read it.
The first byte is the width, plus COMPRESSED. A day of which nothing came is None. zstandard reads
twice as fast at the same size, and is not in Python 3.11: the figures are in
`docs/algorithms/usage.md`.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import MISSING

Ints = NDArray[np.int64]

CODEC = 1  # stored with each block; another way of making bytes gets another number
MINUTES = 1440
HOURS = 24
COMPRESSED = 16
LEVEL = 1
WIDTHS = {width: np.dtype(f"<u{width}") for width in (1, 2, 4)}


def pack(minutes: Ints) -> bytes | None:
    """The 1,440 minutes of a day. Raises OverflowError for what is no count of 31 bits."""
    top, low = int(minutes.max()), int(minutes.min())
    if low < MISSING or top >= 1 << 31 or len(minutes) != MINUTES:
        raise OverflowError(f"{len(minutes)} minutes of {low} to {top} make no day block")
    if top == MISSING:
        return None
    width = 1 if top < 0xFF else 2 if top < 0xFFFF else 4
    raw = (minutes + 1).astype(f"<u{width}").tobytes()
    small = zlib.compress(raw, LEVEL)
    if len(small) * 5 <= len(raw) * 4:
        return bytes([width + COMPRESSED]) + small
    return bytes([width]) + raw


def put_into(target: Ints, offset: int, packed: bytes | None) -> None:
    """Puts the day into `target` from `offset` on, which may lie before or beyond its ends; as it
    is stored, plus one, so that 0 is a gap. Who puts many days takes one off all of them at once.

    Raises ValueError for bytes that `pack` did not make.
    """
    start, end = max(offset, 0), min(offset + MINUTES, len(target))
    if packed is None or end <= start:
        return
    width, skipped = packed[0] & ~COMPRESSED, 1
    if packed[0] & COMPRESSED:
        packed, skipped = zlib.decompress(memoryview(packed)[1:]), 0
    if width not in WIDTHS or len(packed) - skipped != MINUTES * width:
        raise ValueError(f"{len(packed) - skipped} bytes of width {width} are no day of minutes")
    values = np.frombuffer(packed, WIDTHS[width], offset=skipped)
    target[start:end] = values[start - offset : end - offset]


def bits_of(hours: Sequence[int]) -> int:
    """Hours of the day (0 to 23) as a set of bits."""
    return sum(1 << hour for hour in set(hours))


def hours_of(bits: int) -> list[int]:
    return [hour for hour in range(HOURS) if bits >> hour & 1]
