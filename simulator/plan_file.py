"""A retirement as the world file's ``models`` and the control API say it, read and checked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulator.clock import parse_time
from simulator.lifecycle import Plan
from simulator.model_types import Model, ModelKey
from simulator.models_catalogue import find_model

_FIELDS = {
    "model", "version", "retires_at", "replacement", "upgrade_from", "lead_days", "listed_until",
}  # fmt: skip


def read_plan(row: dict[str, Any], retires_at: datetime | None = None) -> Plan:
    """The plan; ``retires_at`` is the date of a row that names none.

    Raises ValueError with a sentence.
    """
    unknown = sorted(set(row) - _FIELDS)
    if unknown:
        raise ValueError(f"{unknown[0]}: not among {', '.join(sorted(_FIELDS))}.")
    model, replacement = _known_model(row), row.get("replacement")
    date = _moment(row, "retires_at") or retires_at
    if date is None:
        raise ValueError("retires_at: say when the version retires.")
    lead_days = row.get("lead_days", 0)
    if not isinstance(lead_days, int) or isinstance(lead_days, bool) or lead_days < 0:
        raise ValueError(f"lead_days: expected a whole number from 0, got {lead_days!r}.")
    return Plan(
        model=model.key,
        retires_at=date,
        replacement=None if replacement is None else _replacement(model, replacement),
        upgrade_from=_moment(row, "upgrade_from"),
        lead_days=lead_days,
        listed_until=_moment(row, "listed_until"),
    )


def _known_model(row: Any) -> Model:
    if not isinstance(row, dict):
        raise ValueError(f"expected an object with model and version, got {row!r}.")
    name, version = str(row.get("model", "")), str(row.get("version", ""))
    model = find_model(name, version)
    if model is None:
        raise ValueError(f"model: no {name} {version} in the catalogue.")
    return model


def _replacement(model: Model, row: Any) -> ModelKey:
    found = _known_model(row)
    if found.key == model.key:
        raise ValueError(f"replacement: {model.name} {model.version} cannot replace itself.")
    return found.key


def _moment(row: dict[str, Any], key: str) -> datetime | None:
    if row.get(key) is None:
        return None
    try:
        return parse_time(str(row[key]))
    except ValueError as problem:
        raise ValueError(f"{key}: {problem}") from None
