"""Rows of PostgreSQL's binary COPY format, built column by column with numpy.

The format (PostgreSQL manual, COPY, "Binary Format"): a signature, then per row a field count and
per field its length in bytes (−1 for NULL) and its value in network byte order. Rows that hold
NULLs have different lengths; they are built as one rectangle of bytes, of which the bytes of NULLs
are left out at the end: several times as fast as handing over Python lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8  # no flags, no header extension
TRAILER = b"\xff\xff"
EPOCH_2000_SECONDS = 946_684_800  # PostgreSQL counts microseconds from 2000-01-01
OID = {4: 23, 2: 21}  # element type by size: int4, int2
HEAD = Struct(">5i")  # of an array: dimensions, has NULLs, element type, elements, lower bound

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Field:
    """One column: bytes of shape (rows, width), and which of them are sent (None: all)."""

    data: NDArray[np.uint8]
    keep: Bools | None = None


def integers(values: Ints, size: int, *, null: Bools | None = None) -> Field:
    """A column of int2, int4 or int8 (`size` in bytes). Raises OverflowError beyond its range."""
    _check_range(values if null is None else values[~null], size)
    rows = np.zeros(len(values), dtype=[("length", ">i4"), ("value", f">i{size}")])
    rows["length"] = size if null is None else np.where(null, -1, size)
    rows["value"] = values if null is None else np.where(null, 0, values)
    data = _as_bytes(rows)
    if null is None:
        return Field(data)
    keep = np.ones(data.shape, dtype=bool)
    keep[:, 4:] = ~null[:, None]
    return Field(data, keep)


def timestamps(epoch_seconds: Ints) -> Field:
    """A column of timestamptz."""
    return integers((epoch_seconds - EPOCH_2000_SECONDS) * 1_000_000, 8)


def constant_text(text: str, rows: int) -> Field:
    raw = text.encode()
    field = np.frombuffer(len(raw).to_bytes(4, "big") + raw, dtype=np.uint8)
    return Field(np.tile(field, (rows, 1)))


def integer_arrays(values: Ints, size: int, *, missing: int) -> Field:
    """A column of int2[] or int4[] from (rows, elements); an element equal to `missing` is NULL.

    A row of which every element is missing becomes a NULL column.
    """
    count = values.shape[1]
    null = values == missing
    if null.all():
        return Field(np.full((len(values), 4), 255, dtype=np.uint8))  # length −1
    _check_range(values, size)
    element = [("length", ">i4"), ("value", f">i{size}")]
    head = [(name, ">i4") for name in ("length", "dimensions", "has_null", "oid", "size", "lower")]
    rows = np.zeros(len(values), dtype=[*head, ("elements", element, count)])
    rows["dimensions"] = rows["lower"] = 1
    rows["has_null"] = null.any(axis=1)
    rows["oid"], rows["size"] = OID[size], count
    rows["elements"]["length"] = np.where(null, -1, size)
    rows["elements"]["value"] = np.where(null, 0, values)
    all_null = null.all(axis=1)
    rows["length"] = np.where(all_null, -1, 20 + count * 4 + (count - null.sum(axis=1)) * size)
    data = _as_bytes(rows)
    if not null.any():
        return Field(data)
    keep = np.ones(data.shape, dtype=bool)
    elements = keep[:, 24:].reshape(len(values), count, 4 + size)
    elements[:, :, 4:] = ~null[:, :, None]
    keep[all_null, 4:] = False
    return Field(data, keep)


def int_array(raw: bytes, *, missing: int) -> Ints:
    """The elements of one int2[] or int4[] of one dimension, as a COPY stream holds them."""
    _, has_null, oid, count, _ = HEAD.unpack_from(raw)
    size = 2 if oid == OID[2] else 4
    if not has_null:
        elements = np.frombuffer(raw, [("length", ">i4"), ("value", f">i{size}")], offset=HEAD.size)
        return elements["value"].astype(np.int64)
    values, at = np.full(count, missing, dtype=np.int64), HEAD.size
    for position in range(count):
        if raw[at] == 0:  # a length: the first byte of −1 is 255
            values[position] = int.from_bytes(raw[at + 4 : at + 4 + size], "big", signed=True)
            at += size
        at += 4
    return values


def whole_length(count: int, size: int) -> int:
    """Bytes of an array of so many elements of `size` bytes, none of them NULL."""
    return HEAD.size + count * (4 + size)


def whole_arrays(raws: Sequence[bytes], count: int, size: int) -> Ints:
    """(arrays, elements) of arrays of `whole_length`, all of them at once."""
    element = [("length", ">i4"), ("value", f">i{size}")]
    row = np.dtype([("head", f"V{HEAD.size}"), ("elements", element, count)])
    values: Ints = np.frombuffer(b"".join(raws), row)["elements"]["value"].astype(np.int64)
    return values


def copy_bytes(fields: Sequence[Field]) -> bytes:
    """A whole COPY stream of the columns, in order."""
    rows = len(fields[0].data)
    count = np.tile(np.frombuffer(len(fields).to_bytes(2, "big"), dtype=np.uint8), (rows, 1))
    data = np.concatenate([count, *(field.data for field in fields)], axis=1)
    if all(field.keep is None for field in fields):
        return SIGNATURE + data.tobytes() + TRAILER
    masks = [np.ones(count.shape, dtype=bool)]
    masks += [
        np.ones(field.data.shape, dtype=bool) if field.keep is None else field.keep
        for field in fields
    ]
    sent: NDArray[np.uint8] = data[np.concatenate(masks, axis=1)]
    return SIGNATURE + sent.tobytes() + TRAILER


def _as_bytes(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    return rows.view(np.uint8).reshape(len(rows), -1)


def _check_range(values: Ints, size: int) -> None:
    limit = 1 << (size * 8 - 1)
    if values.size and (values.max() >= limit or values.min() < -limit):
        raise OverflowError(f"a value does not fit into {size} bytes")
