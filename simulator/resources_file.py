"""How a deployment that is not, or no longer, as the world file says is kept in ``state.json``.

A row has only what differs from the world file's deployment of the same key, so that a world's
traffic is written once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from simulator.clock import iso, parse_time
from simulator.models_catalogue import Model, ModelSku, find_model
from simulator.world import Deployment
from simulator.world_traffic import read_traffic, traffic_json

_PLAIN = (
    "subscription", "resource_group", "account", "region", "name", "spillover_deployment_name",
    "generation", "tags", "properties", "revision", "provisioning_state",
)  # fmt: skip


def row_of(deployment: Deployment, originals: dict[str, Deployment]) -> dict[str, Any]:
    """The JSON of a deployment; ``originals`` are those of the world file by key."""
    original = originals.get(deployment.key)
    row: dict[str, Any] = {name: getattr(deployment, name) for name in _PLAIN}
    row["model"] = [deployment.model.name, deployment.model.version]
    row["sku"] = deployment.sku.name
    row["created_at"] = _text(deployment.created_at)
    row["changed_at"] = _text(deployment.changed_at)
    if original is None or original.traffic != deployment.traffic:
        row["traffic"] = traffic_json(deployment.traffic)
    return row


def read_row(row: dict[str, Any], originals: dict[str, Deployment]) -> Deployment:
    """The inverse of :func:`row_of`. Raises KeyError for a model no longer in the catalogue."""
    key = f"{row['account']}/{row['name']}".lower()
    # A folder written by an earlier version lacks what it did not know: then the default holds.
    fields = {name: row[name] for name in _PLAIN if name in row}
    fields["model"], fields["sku"] = _model_and_sku(row)
    fields["created_at"] = _moment(row["created_at"])
    fields["changed_at"] = _moment(row.get("changed_at"))
    if "traffic" in row:
        fields["traffic"] = read_traffic(row["traffic"], lambda _file: True)
    if key not in originals:
        return Deployment(capacity_steps=(), **fields)
    steps = () if row.get("generation") else originals[key].capacity_steps
    return replace(originals[key], capacity_steps=steps, **fields)


def _model_and_sku(row: dict[str, Any]) -> tuple[Model, ModelSku]:
    model = find_model(*row["model"])
    sku = None if model is None else model.sku(row["sku"])
    if model is None or sku is None:
        raise KeyError(f"The catalogue no longer has {row['model']} as {row['sku']}.")
    return model, sku


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
