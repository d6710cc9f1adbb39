"""Kinds of knobs: each has a default, one sentence of help, and knows which values it accepts.

A knob is one line in :class:`simulator.knobs.Knobs`; what it needs is said here once.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """``words`` completes "NAME is …"; ``accepts`` judges a value as JSON gave it."""

    words: str
    accepts: Callable[[Any], bool]
    help: str

    def problem(self, name: str, value: Any) -> str | None:
        """The sentence for a wrong value, or None."""
        return None if self.accepts(value) else f"{name} is {self.words}, got {value!r}."


def kind_of(knob: Field[Any]) -> Kind:
    """The kind of a dataclass field made by one of the functions below."""
    kind: Kind = knob.metadata["kind"]
    return kind


def number(default: float, help: str, *, least: float = 0, most: float = math.inf) -> Any:
    """A number with its unit in the knob's name, both ends included."""
    words = "a number"
    words += "" if math.isinf(least) else f" from {least:g}"
    words += "" if math.isinf(most) else f" to {most:g}"
    return _knob(default, Kind(words, lambda value: _is_number(value, least, most), help))


def whole(default: int, help: str, *, least: int = 0, most: float = math.inf) -> Any:
    """A whole number."""
    words = f"a whole number from {least}" + ("" if math.isinf(most) else f" to {most:g}")

    def accepts(value: Any) -> bool:
        return isinstance(value, int) and _is_number(value, least, most)

    return _knob(default, Kind(words, accepts, help))


def flag(default: bool, help: str) -> Any:
    """true or false."""
    return _knob(default, Kind("true or false", lambda value: isinstance(value, bool), help))


def choice(default: str, choices: tuple[str, ...], help: str) -> Any:
    """One of a few words."""
    return _knob(default, Kind(f"one of {', '.join(choices)}", choices.__contains__, help))


def text(default: str, help: str) -> Any:
    """Any text."""
    return _knob(default, Kind("a text", lambda value: isinstance(value, str), help))


def texts(help: str, default: tuple[str, ...] = ()) -> Any:
    """A list of texts."""
    return _knob(list(default), Kind("a list of texts", _are_texts, help))


def table(words: str, help: str, default: dict[str, Any] | None = None) -> Any:
    """A JSON object; ``words`` says of what to what."""

    def accepts(value: Any) -> bool:
        return isinstance(value, dict)

    return _knob(default or {}, Kind(f"an object of {words}", accepts, help))


def custom(default: Any, words: str, accepts: Callable[[Any], bool], help: str) -> Any:
    """A kind of its own; ``words`` completes "NAME is …"."""
    return _knob(default, Kind(words, accepts, help))


def _knob(default: Any, kind: Kind) -> Any:
    return field(default_factory=lambda: copy.deepcopy(default), metadata={"kind": kind})


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
