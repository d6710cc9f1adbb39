"""Judges answers by the definitions derived from the SDK, and finds the official examples.

The reference lies beside the repository and is not part of it; without it these tests are skipped.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from simulator.clock import parse_time

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "azure"
_DERIVED = "derived/cognitiveservices-2025-09-01.derived-from-sdk.json"
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
# Fields that Azure sends and this version of the API does not describe (newer ones, and the key).
NEWER: dict[str, set[str]] = {
    "CallRateLimit": {"key"},
    "Usage": {"scopeType", "scopeId"},
    "ModelCapacityListResultValueItem": {"scopeType", "scopeId"},
    "DeploymentProperties": {"serviceTier", "deploymentState", "routing"},
}


@cache
def specification() -> dict[str, Any]:
    """The derived description; skips the test where it is not at hand."""
    path = REFERENCE / _DERIVED
    if not path.is_file():
        pytest.skip("the derived description is not at hand")
    parsed: dict[str, Any] = json.loads(path.read_text())
    return parsed


def operation(identifier: str) -> tuple[str, str, dict[str, Any]]:
    """(method, path template, responses by status) of an operation such as ``accounts.list``."""
    for path, methods in specification()["paths"].items():
        for method, described in methods.items():
            if described["operationId"] == identifier:
                return method.upper(), path, described["responses"]
    raise KeyError(identifier)


def problems(value: Any, definition: str) -> list[str]:
    """What is wrong with ``value`` as the definition of that name; empty when nothing is."""
    return list(_problems(value, {"$ref": f"#/definitions/{definition}"}, definition, ""))


def _problems(value: Any, schema: dict[str, Any], place: str, owner: str) -> list[str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _problems(value, specification()["definitions"].get(name, {}), place, name)
    kind = schema.get("type")
    if kind is None:
        return []
    is_flag = isinstance(value, bool)
    if not isinstance(value, _TYPES[kind]) or (is_flag and kind != "boolean"):
        return [f"{place}: {value!r} is no {kind}"]
    if kind == "array":
        rows = enumerate(value)
        return [
            each for n, row in rows for each in _problems(row, schema["items"], f"{place}[{n}]", "")
        ]
    if kind == "object":
        return _object_problems(value, schema, place, owner)
    return _text_problems(value, schema, place) if kind == "string" else []


def _object_problems(
    value: dict[str, Any], schema: dict[str, Any], place: str, owner: str
) -> list[str]:
    known, more = schema.get("properties", {}), schema.get("additionalProperties")
    required = schema.get("required", [])
    found = [f"{place}: {each} is missing" for each in required if each not in value]
    for name, entry in value.items():
        if name in known:
            found += _problems(entry, known[name], f"{place}.{name}", "")
        elif isinstance(more, dict):
            found += _problems(entry, more, f"{place}.{name}", "")
        elif known and not more and name not in NEWER.get(owner, ()):
            found.append(f"{place}: {name} is not in {owner or 'the definition'}")
    return found


def _text_problems(value: str, schema: dict[str, Any], place: str) -> list[str]:
    if schema.get("format") == "date-time" and not _is_time(value):
        return [f"{place}: {value!r} is no time"]
    words = schema.get("description", "").partition("Known values are:")[2]
    known = re.findall(r'"([^"]+)"', words)
    if known and value not in known:
        return [f"{place}: {value!r} is not among {known}"]
    return []


def _is_time(value: str) -> bool:
    try:
        return isinstance(parse_time(value), datetime)
    except ValueError:
        return False


def official(example: str) -> Any:
    """The body of an official example's 200; skips the test where it is not at hand."""
    found = sorted(REFERENCE.rglob(f"{example}*.json"))
    if not found:
        pytest.skip("the official examples are not at hand")
    return json.loads(found[0].read_text())["responses"]["200"]["body"]
