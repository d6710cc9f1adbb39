"""Reads the fields of a world file's rows; a wrong one is a WorldError that names its place."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulator.clock import parse_time
from simulator.world_checks import WorldError


def region_of(text: str) -> str:
    """``East US 2`` and ``eastus2`` are one region."""
    return text.replace(" ", "").lower()


def rows(raw: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The list of objects at ``key``; none when it is absent."""
    found = raw.get(key, [])
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise WorldError(f"{key}: expected a list of objects.")
    return found


def text(row: dict[str, Any], key: str, where: str) -> str:
    """A text that is not empty, trimmed."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise WorldError(f"{where}.{key}: expected a text, got {value!r}.")
    return value.strip()


def moment(row: dict[str, Any], key: str, where: str) -> datetime:
    """An aware UTC moment."""
    try:
        return parse_time(text(row, key, where))
    except ValueError as problem:
        raise WorldError(f"{where}.{key}: {problem}") from None


def whole_number(row: dict[str, Any], key: str, where: str, minimum: int) -> int:
    """A whole number, ``minimum`` included."""
    value = row.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise WorldError(f"{where}.{key}: expected a whole number from {minimum}, got {value!r}.")
    return value


def known_subscription(row: dict[str, Any], where: str, known: set[str]) -> str:
    """The row's subscription, which must be among ``known`` (lower case)."""
    subscription = text(row, "subscription", where)
    if subscription.lower() not in known:
        raise WorldError(f"{where}.subscription: {subscription} is not among the subscriptions.")
    return subscription
