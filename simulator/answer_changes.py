"""Changes to a real answer that a client must live with: fields more, fields less, other types.

A change is a JSON object with one or more of

* ``set``: path → value; the last part is added when it is missing,
* ``remove``: paths of fields that are taken out,
* ``repeat``: paths of lists of which every item is sent twice, one behind the other,
* ``as_text``: paths of values that are sent as text (``5`` becomes ``"5"``),
* ``unknown_fields``: true adds a field nobody knows to every object,
* ``numbers_as_text``: true sends every number as text,
* ``cut``: a fraction below 1; only that part of the bytes is sent, with a content-length that fits.

A path is ``value.*.properties.provisioningState``: names and list positions with dots between
them, ``*`` for each item or field. A path that leads nowhere changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson

UNKNOWN_FIELD = "fieldOfTomorrow"
_UNKNOWN_VALUE = {"kind": "NotInAnySdk", "values": [1, None, "x"]}
# Its names are the customer's: Azure adds none.
_CUSTOMERS_OWN = frozenset({"tags"})
_FIELDS = ("set", "remove", "repeat", "as_text", "unknown_fields", "numbers_as_text", "cut")


def check_change(raw: Any) -> None:
    """Raises ValueError with a sentence."""
    if not isinstance(raw, dict) or not raw:
        raise ValueError(f"change is an object with some of {', '.join(_FIELDS)}, got {raw!r}.")
    for name, value in raw.items():
        if name not in _FIELDS:
            raise ValueError(f"A change has no {name}; it has {', '.join(_FIELDS)}.")
        if not _is_good(name, value):
            raise ValueError(f"{name} of a change cannot be {value!r}.")


def changed_body(body: bytes, change: dict[str, Any]) -> bytes:
    """The body with ``change``. One that is not JSON (or empty) can only be cut."""
    if set(change) - {"cut"}:
        with contextlib.suppress(orjson.JSONDecodeError):
            body = orjson.dumps(_changed(orjson.loads(body), change))
    return body[: int(len(body) * change.get("cut", 1))]


def _changed(content: Any, change: dict[str, Any]) -> Any:
    for path, value in change.get("set", {}).items():
        for parent, key in _places(content, path.split("."), add=True):
            parent[key] = value
    for path in change.get("remove", []):
        for parent, key in list(_places(content, path.split("."))):
            del parent[key]
    for path in change.get("repeat", []):
        for parent, key in _places(content, path.split(".")):
            if isinstance(parent[key], list):
                parent[key] = [item for item in parent[key] for _ in range(2)]
    for path in change.get("as_text", []):
        for parent, key in _places(content, path.split(".")):
            parent[key] = _as_text(parent[key])
    if change.get("numbers_as_text"):
        content = _everywhere(content, _number_as_text)
    if change.get("unknown_fields"):
        content = _everywhere(content, _with_unknown_field)
    return content


def _places(content: Any, path: list[str], *, add: bool = False) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything the path names, last first so that lists may shrink."""
    for key in _keys(content, path[0], add=add and len(path) == 1):
        if len(path) == 1:
            yield content, key
        else:
            yield from _places(content[key], path[1:], add=add)


def _keys(content: Any, part: str, *, add: bool) -> list[Any]:
    if isinstance(content, dict):
        if part == "*":
            return list(content)
        return [part] if add or part in content else []
    if isinstance(content, list):
        if part == "*":
            return list(reversed(range(len(content))))
        return [int(part)] if part.isdigit() and int(part) < len(content) else []
    return []


def _everywhere(content: Any, change: Callable[[Any], Any]) -> Any:
    """``change`` applied to each value, the inner ones first."""
    if isinstance(content, dict):
        content = {
            key: value if key in _CUSTOMERS_OWN else _everywhere(value, change)
            for key, value in content.items()
        }
    elif isinstance(content, list):
        content = [_everywhere(each, change) for each in content]
    return change(content)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _number_as_text(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _as_text(value) if is_number else value


def _with_unknown_field(value: Any) -> Any:
    return {**value, UNKNOWN_FIELD: _UNKNOWN_VALUE} if isinstance(value, dict) else value


def _is_good(name: str, value: Any) -> bool:
    if name == "set":
        return isinstance(value, dict)
    if name in ("remove", "repeat", "as_text"):
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if name == "cut":
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1
    return isinstance(value, bool)
