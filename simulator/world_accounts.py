"""The accounts of a world file and their deployments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from simulator.lifecycle import UPGRADE_OPTIONS
from simulator.model_types import HOSTING_KINDS
from simulator.models_catalogue import MODELS, Model, ModelSku, find_model
from simulator.posture import posture_problem
from simulator.world import Account, Deployment
from simulator.world_checks import WorldError
from simulator.world_fields import known_subscription, moment, region_of, rows, text, whole_number
from simulator.world_traffic import TrafficFile, read_traffic

_ACCOUNT_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}")
_OTHER_KINDS = (
    "CognitiveServices", "ComputerVision", "ContentSafety", "Face", "FormRecognizer",
    "SpeechServices", "TextAnalytics", "TextTranslation",
)  # fmt: skip
ACCOUNT_KINDS = (*HOSTING_KINDS, *_OTHER_KINDS)
_DEPLOYMENT_PROPERTIES = (
    "versionUpgradeOption", "raiPolicyName", "serviceTier", "deploymentState", "routing",
    "dynamicThrottlingEnabled",
)  # fmt: skip


def read_account(
    row: dict[str, Any],
    where: str,
    known: set[str],
    loaded_at: datetime,
    has_file: Callable[[str], bool],
) -> Account:
    """An account with its deployments; ``known`` are the subscriptions, in lower case.

    Raises WorldError; ``where`` is the place it names.
    """
    name, kind = text(row, "name", where), row.get("kind", "OpenAI")
    if not _ACCOUNT_NAME.fullmatch(name):
        raise WorldError(f"{where}.name: {name!r} is not a name Azure allows for an account.")
    if kind not in ACCOUNT_KINDS:
        raise WorldError(f"{where}.kind: {kind!r}; choose one of {', '.join(ACCOUNT_KINDS)}.")
    problem = posture_problem(row)
    if problem:
        raise WorldError(f"{where}.{problem}")
    shell = Account(
        subscription=known_subscription(row, where, known),
        resource_group=text(row, "resource_group", where),
        name=name,
        region=region_of(text(row, "region", where)),
        kind=kind,
        deployments=(),
        tags=row.get("tags") or {},
        sku=row.get("sku") or "S0",
        identity=row.get("identity"),
        properties=row.get("properties") or {},
        created_at=moment(row, "created_at", where) if row.get("created_at") else loaded_at,
    )
    deployments = tuple(
        _deployment(each, f"{where}.deployments[{n}]", shell, has_file)
        for n, each in enumerate(rows(row, "deployments"))
    )
    if deployments and kind not in HOSTING_KINDS:
        raise WorldError(f"{where}.deployments: an account of kind {kind} hosts none.")
    return replace(shell, deployments=deployments)


def _deployment(
    row: dict[str, Any], where: str, account: Account, has_file: Callable[[str], bool]
) -> Deployment:
    model, sku = _model_and_sku(row, where)
    if account.kind in HOSTING_KINDS and account.kind not in model.kinds:
        raise WorldError(
            f"{where}.model: {model.format} models need an account of kind {model.kinds[0]}."
        )
    created_at = moment(row, "created_at", where) if row.get("created_at") else None
    return Deployment(
        subscription=account.subscription,
        resource_group=account.resource_group,
        account=account.name,
        region=account.region,
        name=text(row, "name", where),
        model=model,
        sku=sku,
        capacity_steps=_capacity_steps(row, where, sku, created_at),
        created_at=created_at,
        spillover_deployment_name=row.get("spillover_deployment_name"),
        traffic=_traffic(row, where, has_file),
        tags=_deployment_tags(row, where),
        properties=_deployment_properties(row, where),
    )


def _deployment_tags(row: dict[str, Any], where: str) -> dict[str, str]:
    problem = posture_problem({"tags": row.get("tags")})
    if problem:
        raise WorldError(f"{where}.{problem}")
    return dict(row.get("tags") or {})


def _deployment_properties(row: dict[str, Any], where: str) -> dict[str, Any]:
    """ARM's names; what is not said takes Azure's default."""
    properties = row.get("properties") or {}
    unknown = sorted(set(properties) - set(_DEPLOYMENT_PROPERTIES))
    if unknown:
        names = ", ".join(_DEPLOYMENT_PROPERTIES)
        raise WorldError(f"{where}.properties.{unknown[0]}: not among {names}.")
    option = properties.get("versionUpgradeOption", UPGRADE_OPTIONS[0])
    if option not in UPGRADE_OPTIONS:
        choices = ", ".join(UPGRADE_OPTIONS)
        raise WorldError(
            f"{where}.properties.versionUpgradeOption: {option!r}; choose one of {choices}."
        )
    return dict(properties)


def _traffic(row: dict[str, Any], where: str, has_file: Callable[[str], bool]) -> Any:
    try:
        return read_traffic(row.get("traffic", {"kind": "profile", "profile": "none"}), has_file)
    except (TrafficFile, ValueError) as problem:
        raise WorldError(f"{where}.traffic: {problem}") from None


def _model_and_sku(row: dict[str, Any], where: str) -> tuple[Model, ModelSku]:
    name, version = text(row, "model", where), text(row, "version", where)
    model = find_model(name, version)
    if model is None:
        versions = ", ".join(f"{each.name} {each.version}" for each in MODELS)
        raise WorldError(f"{where}.model: no {name} {version}; the catalogue has {versions}.")
    sku = model.sku(text(row, "sku", where))
    if sku is None:
        names = ", ".join(each.name for each in model.skus)
        raise WorldError(f"{where}.sku: {name} is not sold as {row['sku']}; it has {names}.")
    return model, sku


def _capacity_steps(
    row: dict[str, Any], where: str, sku: ModelSku, created_at: datetime | None
) -> tuple[tuple[float | None, int], ...]:
    """The capacity from the creation on, then the optional ``capacity_history`` in time order."""
    start = None if created_at is None else created_at.timestamp()
    steps: list[tuple[float | None, int]] = [(start, _capacity(row, "capacity", where, sku))]
    for n, step in enumerate(rows(row, "capacity_history")):
        place = f"{where}.capacity_history[{n}]"
        at = moment(step, "at", place).timestamp()
        previous = steps[-1][0]
        if previous is not None and at <= previous:
            raise WorldError(f"{place}.at: must be later than the step before it.")
        steps.append((at, _capacity(step, "capacity", place, sku)))
    return tuple(steps)


def _capacity(row: dict[str, Any], key: str, where: str, sku: ModelSku) -> int:
    capacity = whole_number(row, key, where, minimum=1)
    problem = sku.capacity.problem(capacity)
    if problem:
        raise WorldError(f"{where}.{key}: {capacity} units of {sku.name} {problem}.")
    return capacity
