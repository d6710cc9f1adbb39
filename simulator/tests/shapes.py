"""Compares an answer with the shape of an official example."""

from __future__ import annotations

from typing import Any


def assert_has_fields(ours: Any, official: Any, path: str = "") -> None:
    """Every field of ``official`` is in ``ours``, at any depth."""
    if isinstance(official, dict):
        for name, value in official.items():
            assert name in ours, f"{path}/{name}"
            assert_has_fields(ours[name], value, f"{path}/{name}")
    elif isinstance(official, list) and official:
        assert ours, path
        assert_has_fields(ours[0], official[0], f"{path}[0]")
