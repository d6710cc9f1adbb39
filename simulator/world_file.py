"""Reads a world from JSON and refuses a wrong one with a sentence that names the place.

Times may be relative (``now-3d``); they count from the moment the world is first loaded, floored to
the hour, and :func:`resolve_times` fixes them, so that a restart means the same world.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from simulator.clock import iso, parse_relative_time, parse_time
from simulator.lifecycle import UPGRADE_OPTIONS, Plan
from simulator.model_types import HOSTING_KINDS
from simulator.models_catalogue import MODELS, Model, ModelSku, find_model
from simulator.plan_file import read_plan
from simulator.posture import posture_problem
from simulator.world import Account, Deployment, Limit, Subscription, TierUpgrade, World
from simulator.world_checks import WorldError, check_world
from simulator.world_traffic import TrafficFile, read_traffic

_TIME_FIELDS = {
    "created_at", "from", "until", "start", "at", "retires_at", "upgrade_from", "listed_until",
}  # fmt: skip
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


def region_of(text: str) -> str:
    """``East US 2`` and ``eastus2`` are one region."""
    return text.replace(" ", "").lower()


def resolve_times(node: Any, now: datetime) -> Any:
    """A copy of the JSON in which every relative time is absolute."""
    if isinstance(node, list):
        return [resolve_times(each, now) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _resolved(key, value, now) for key, value in node.items()}


def _resolved(key: str, value: Any, now: datetime) -> Any:
    if key not in _TIME_FIELDS or not isinstance(value, str):
        return resolve_times(value, now)
    try:
        return iso(parse_relative_time(value, now))
    except ValueError as problem:
        raise WorldError(f"{key}: {problem}") from None


def read_world(raw: dict[str, Any], loaded_at: datetime, has_file: Callable[[str], bool]) -> World:
    """The checked world. ``has_file`` says whether a trace of that name is at hand.

    Raises WorldError; its message names the path of the first wrong entry.
    """
    subscriptions = tuple(_subscription(row) for row in _rows(raw, "subscriptions"))
    if not subscriptions:
        raise WorldError("subscriptions: a world needs at least one.")
    known = {each.id.lower() for each in subscriptions}
    world = World(
        name=str(raw.get("name", "unnamed")),
        seed=_whole_number(raw, "seed", "world", minimum=0),
        loaded_at=loaded_at,
        subscriptions=subscriptions,
        limits=tuple(
            _limit(row, f"limits[{n}]", known) for n, row in enumerate(_rows(raw, "limits"))
        ),
        accounts=tuple(
            _account(row, f"accounts[{n}]", known, loaded_at, has_file)
            for n, row in enumerate(_rows(raw, "accounts"))
        ),
        plans=tuple(_plan(row, f"models[{n}]") for n, row in enumerate(_rows(raw, "models"))),
        extra_regions=_regions(raw),
        quota_scopes=_quota_scopes(raw),
        tier_upgrades=tuple(
            _tier_upgrade(row, f"tier_upgrades[{n}]", known)
            for n, row in enumerate(_rows(raw, "tier_upgrades"))
        ),
        service_capacity={
            (
                region_of(_text(row, "region", f"service_capacity[{n}]")),
                _text(row, "sku", f"service_capacity[{n}]"),
            ): _whole_number(row, "units", f"service_capacity[{n}]", minimum=0)
            for n, row in enumerate(_rows(raw, "service_capacity"))
        },
    )
    check_world(world)
    return world


def _rows(raw: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = raw.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise WorldError(f"{key}: expected a list of objects.")
    return rows


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise WorldError(f"{where}.{key}: expected a text, got {value!r}.")
    return value.strip()


def _moment(row: dict[str, Any], key: str, where: str) -> datetime:
    try:
        return parse_time(_text(row, key, where))
    except ValueError as problem:
        raise WorldError(f"{where}.{key}: {problem}") from None


def _whole_number(row: dict[str, Any], key: str, where: str, minimum: int) -> int:
    value = row.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise WorldError(f"{where}.{key}: expected a whole number from {minimum}, got {value!r}.")
    return value


def _subscription(row: dict[str, Any]) -> Subscription:
    identifier = _text(row, "id", "subscriptions[]")
    return Subscription(
        id=identifier,
        name=str(row.get("name", identifier)),
        quota_tier=str(row.get("quota_tier", "Tier 1")),
    )


def _known_subscription(row: dict[str, Any], where: str, known: set[str]) -> str:
    subscription = _text(row, "subscription", where)
    if subscription.lower() not in known:
        raise WorldError(f"{where}.subscription: {subscription} is not among the subscriptions.")
    return subscription


def _limit(row: dict[str, Any], where: str, known: set[str]) -> Limit:
    return Limit(
        subscription=_known_subscription(row, where, known),
        region=region_of(_text(row, "region", where)),
        usage_name=_text(row, "usage_name", where),
        limit=_whole_number(row, "limit", where, minimum=0),
    )


def _quota_scopes(raw: dict[str, Any]) -> dict[str, str]:
    scopes = raw.get("quota_scopes", {})
    if not isinstance(scopes, dict):
        raise WorldError("quota_scopes: expected an object of usage name to scope.")
    return {str(name): str(scope) for name, scope in scopes.items()}


def _tier_upgrade(row: dict[str, Any], where: str, known: set[str]) -> TierUpgrade:
    limits = row.get("limits", {})
    if not isinstance(limits, dict):
        raise WorldError(f"{where}.limits: expected an object of usage name to units.")
    return TierUpgrade(
        subscription=_known_subscription(row, where, known),
        at=_moment(row, "at", where),
        limits={name: _whole_number(limits, name, f"{where}.limits", 0) for name in limits},
    )


def _plan(row: dict[str, Any], where: str) -> Plan:
    try:
        return read_plan(row)
    except ValueError as problem:
        raise WorldError(f"{where}.{problem}") from None


def _regions(raw: dict[str, Any]) -> frozenset[str]:
    regions = raw.get("regions", [])
    if not isinstance(regions, list) or not all(isinstance(each, str) for each in regions):
        raise WorldError("regions: expected a list of region names.")
    return frozenset(map(region_of, regions))


def _account(
    row: dict[str, Any],
    where: str,
    known: set[str],
    loaded_at: datetime,
    has_file: Callable[[str], bool],
) -> Account:
    name, kind = _text(row, "name", where), row.get("kind", "OpenAI")
    if not _ACCOUNT_NAME.fullmatch(name):
        raise WorldError(f"{where}.name: {name!r} is not a name Azure allows for an account.")
    if kind not in ACCOUNT_KINDS:
        raise WorldError(f"{where}.kind: {kind!r}; choose one of {', '.join(ACCOUNT_KINDS)}.")
    problem = posture_problem(row)
    if problem:
        raise WorldError(f"{where}.{problem}")
    shell = Account(
        subscription=_known_subscription(row, where, known),
        resource_group=_text(row, "resource_group", where),
        name=name,
        region=region_of(_text(row, "region", where)),
        kind=kind,
        deployments=(),
        tags=row.get("tags") or {},
        sku=row.get("sku") or "S0",
        identity=row.get("identity"),
        properties=row.get("properties") or {},
        created_at=_moment(row, "created_at", where) if row.get("created_at") else loaded_at,
    )
    deployments = tuple(
        _deployment(each, f"{where}.deployments[{n}]", shell, has_file)
        for n, each in enumerate(_rows(row, "deployments"))
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
    created_at = _moment(row, "created_at", where) if row.get("created_at") else None
    return Deployment(
        subscription=account.subscription,
        resource_group=account.resource_group,
        account=account.name,
        region=account.region,
        name=_text(row, "name", where),
        model=model,
        sku=sku,
        capacity_steps=_capacity_steps(row, where, sku, created_at),
        created_at=created_at,
        spillover_deployment_name=row.get("spillover_deployment_name"),
        traffic=_traffic(row, where, has_file),
        properties=_deployment_properties(row, where),
    )


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
    name, version = _text(row, "model", where), _text(row, "version", where)
    model = find_model(name, version)
    if model is None:
        versions = ", ".join(f"{each.name} {each.version}" for each in MODELS)
        raise WorldError(f"{where}.model: no {name} {version}; the catalogue has {versions}.")
    sku = model.sku(_text(row, "sku", where))
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
    for n, step in enumerate(_rows(row, "capacity_history")):
        place = f"{where}.capacity_history[{n}]"
        at = _moment(step, "at", place).timestamp()
        previous = steps[-1][0]
        if previous is not None and at <= previous:
            raise WorldError(f"{place}.at: must be later than the step before it.")
        steps.append((at, _capacity(step, "capacity", place, sku)))
    return tuple(steps)


def _capacity(row: dict[str, Any], key: str, where: str, sku: ModelSku) -> int:
    capacity = _whole_number(row, key, where, minimum=1)
    problem = sku.capacity.problem(capacity)
    if problem:
        raise WorldError(f"{where}.{key}: {capacity} units of {sku.name} {problem}.")
    return capacity
