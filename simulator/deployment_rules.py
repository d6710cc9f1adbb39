"""Which bodies Azure takes for a deployment, and what deployment they ask for.

The ARM plane and the control API share these rules. Every refusal is an ArmError 400 with Azure's
code and, where it is known, its words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from simulator.capacity_write import check_capacity, invalid, whole_number
from simulator.lifecycle import UPGRADE_OPTIONS
from simulator.model_types import STANDARD_SKUS
from simulator.models_catalogue import MODELS, Model, ModelSku
from simulator.state import State
from simulator.web import ArmError
from simulator.world import Account, Deployment
from simulator.world_traffic import NO_TRAFFIC
from simulator.writes import CREATE, UPDATE, Write

_STANDARD_PER_ACCOUNT = 32
# What the service says itself; sent back to it, it is passed over.
_NOT_KEPT = {
    "model", "spilloverdeploymentname", "provisioningstate", "currentcapacity", "capabilities",
    "ratelimits", "callratelimit", "scalesettings",
}  # fmt: skip


def read_put(state: State, account: Account, name: str, body: dict[str, Any]) -> Write:
    """The create, or the update of an existing deployment, that a PUT body asks for.

    A PUT says everything: tags and properties it leaves out are gone; the capacity and the model
    of an existing deployment stay when they are not named.
    """
    old, properties = state.deployment(account.name, name), _properties(body)
    _check_not_deprecated_scale(properties)
    if old is None:
        return _read_create(state, account, name, body)
    model = _model(properties, old.model)
    sku = _sku_of(model, str(_sku(body).get("name") or old.sku.name))
    _check_same_sku(old, sku)
    units = whole_number(_sku(body).get("capacity"), state.capacity(old))
    if model != old.model:
        _check_deployable(state, account, model)
    if model != old.model and units != state.capacity(old):
        raise invalid(
            f"Cannot change capacity and model at the same time for deployment '{old.name}'."
        )
    wanted = replace(
        old, model=model, sku=sku, tags=_tags(body), properties=_kept(properties),
        spillover_deployment_name=_text(properties, "spilloverDeploymentName"),
    )  # fmt: skip
    return checked(state, Write(UPDATE, account.id, wanted, units))


def _read_create(state: State, account: Account, name: str, body: dict[str, Any]) -> Write:
    properties, sku_json = _properties(body), _sku(body)
    model = _model(properties, None)
    _check_deployable(state, account, model)
    _check_not_deprecating(state, model)
    if not sku_json.get("name"):
        raise invalid("The property 'sku.name' of account deployment is required.")
    sku = _sku_of(model, str(sku_json["name"]))
    wanted = Deployment(
        subscription=account.subscription,
        resource_group=account.resource_group,
        account=account.name,
        region=account.region,
        name=name,
        model=model,
        sku=sku,
        capacity_steps=(),
        created_at=None,
        spillover_deployment_name=_text(properties, "spilloverDeploymentName"),
        traffic=state.resources.last_traffic(account.name, name) or NO_TRAFFIC,
        tags=_tags(body),
        properties=_kept(properties),
    )
    _check_count(account, sku)
    units = whole_number(sku_json.get("capacity"), sku.capacity.default or 1)
    return checked(state, Write(CREATE, account.id, wanted, units))


def read_patch(state: State, account: Account, old: Deployment, body: dict[str, Any]) -> Write:
    """The update that a PATCH body asks for: what it does not name stays."""
    properties = _properties(body)
    _check_not_deprecated_scale(properties)
    if _model(properties, old.model) != old.model:
        raise invalid(
            f"Cannot change capacity and model at the same time for deployment '{old.name}'."
        )
    units = state.capacity(old)
    if body.get("sku") is not None:
        sku = _sku(body)
        if not isinstance(sku.get("name"), str):
            raise invalid("The property 'sku.name' of account deployment is required.")
        _check_same_sku(old, _sku_of(old.model, sku["name"]))
        units = whole_number(sku.get("capacity"), units)
    wanted = replace(
        old,
        tags=_tags(body) if body.get("tags") is not None else old.tags,
        properties={**old.properties, **_kept(properties)},
    )
    if "spilloverDeploymentName" in properties:
        target = _text(properties, "spilloverDeploymentName")
        wanted = replace(wanted, spillover_deployment_name=target)
    return checked(state, Write(UPDATE, account.id, wanted, units))


def checked(state: State, write: Write) -> Write:
    """The write, when the capacity it changes fits and a new spill-over leads somewhere."""
    if write.wanted is None or write.units is None:
        return write
    wanted = write.wanted
    old = state.deployment(wanted.account, wanted.name)
    same_model = old is not None and (old.model, old.sku) == (wanted.model, wanted.sku)
    if old is None or not same_model or old.spill_target != wanted.spill_target:
        _check_spillover(state, wanted)
    if old is None or not same_model or write.units != state.capacity(old):
        check_capacity(state, wanted, write.units, old)
    return write


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    return _object(body, "properties")


def _sku(body: dict[str, Any]) -> dict[str, Any]:
    return _object(body, "sku")


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _unreadable(name, value)
    return value


def _text(properties: dict[str, Any], name: str) -> str | None:
    value = properties.get(name)
    if value is not None and not isinstance(value, str):
        raise _unreadable(name, value)
    return value or None


def _tags(body: dict[str, Any]) -> dict[str, str]:
    tags = _object(body, "tags")
    if not all(isinstance(each, str) for each in tags.values()):
        raise _unreadable("tags", tags)
    return tags


def _unreadable(name: str, value: Any) -> ArmError:
    return ArmError(
        400, "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: "
        f"'{name}' cannot be {value!r}.",
    )  # fmt: skip


def _kept(properties: dict[str, Any]) -> dict[str, Any]:
    option = properties.get("versionUpgradeOption")
    if option is not None and str(option).lower() not in map(str.lower, UPGRADE_OPTIONS):
        raise invalid(
            f"The version upgrade option '{option}' of account deployment is not one of "
            f"{', '.join(UPGRADE_OPTIONS)}."
        )
    return {
        name: value
        for name, value in properties.items()
        if name.lower() not in _NOT_KEPT and value is not None
    }


def _check_not_deprecated_scale(properties: dict[str, Any]) -> None:
    if properties.get("scaleSettings") is not None:
        raise invalid(
            "scale settings of account deployment is deprecated since API version '2023-05-01', "
            "please use 'sku' instead"
        )


def _model(properties: dict[str, Any], old: Model | None) -> Model:
    """The model a body names; without a version the default one, else the newest."""
    asked = _object(properties, "model")
    if not asked:
        if old is None:
            raise invalid("The property 'model' of account deployment is required.")
        return old
    name, version = str(asked.get("name", "")), str(asked.get("version") or "")
    publisher = str(asked.get("format") or "")
    found = list(_versions(name, version, publisher))
    if not found:
        raise _not_supported(publisher or "OpenAI", name, version)
    return next((each for each in found if each.is_default_version), found[-1])


def _versions(name: str, version: str, publisher: str) -> Iterable[Model]:
    for each in MODELS:
        if (
            each.name.lower() == name.lower()
            and version.lower() in ("", each.version.lower())
            and publisher.lower() in ("", each.format.lower())
        ):
            yield each


def _not_supported(publisher: str, name: str, version: str) -> ArmError:
    return ArmError(
        400, "DeploymentModelNotSupported",
        f"The model 'Format: {publisher}, Name: {name}, Version: {version}' of account deployment "
        "is not supported.",
    )  # fmt: skip


def _check_deployable(state: State, account: Account, model: Model) -> None:
    """A model comes into accounts of its kinds only, and not after its date.

    Codes and words of the end of a model are from public reports of refused deployments.
    """
    if account.kind not in model.kinds:
        raise _not_supported(model.format, model.name, model.version)
    date = state.lifecycles.retired_at(model)
    if date is not None and date <= state.clock.now():
        raise ArmError(
            400, "ServiceModelDeprecated",
            f"The model '{_named(model)}' has been deprecated since {date:%m/%d/%Y %H:%M:%S}.",
        )  # fmt: skip


def _check_not_deprecating(state: State, model: Model) -> None:
    """Shortly before its date a model serves on, but nothing new is made of it."""
    if state.lifecycles.status(model, state.clock.now()) == "Deprecating":
        raise ArmError(
            400, "ServiceModelDeprecating",
            f"The model '{_named(model)}' is in deprecating state and cannot be used for new "
            "deployments.",
        )  # fmt: skip


def _named(model: Model) -> str:
    return f"Format:{model.format},Name:{model.name},Version:{model.version}"


def _sku_of(model: Model, name: str) -> ModelSku:
    sku = model.sku(name)
    if sku is None:
        raise invalid(
            f"The specified SKU '{name}' of account deployment is not supported by the model "
            f"'{model.name}' version: '{model.version}'."
        )
    return sku


def _check_same_sku(old: Deployment, sku: ModelSku) -> None:
    if sku.name != old.sku.name:
        raise invalid(
            f"The SKU of account deployment '{old.name}' cannot be changed from "
            f"'{old.sku.name}' to '{sku.name}'."
        )


def _check_count(account: Account, sku: ModelSku) -> None:
    count = sum(each.sku.name in STANDARD_SKUS for each in account.deployments)
    if sku.name in STANDARD_SKUS and count >= _STANDARD_PER_ACCOUNT:
        raise ArmError(
            400, "QuotaExceeded",
            f"The account '{account.name}' has {count} standard deployments and cannot have more "
            f"than {_STANDARD_PER_ACCOUNT}.",
        )  # fmt: skip


def _check_spillover(state: State, wanted: Deployment) -> None:
    """A provisioned deployment spills onto a standard one of the same account, data zone, model."""
    if wanted.spill_target is None:
        return
    name = wanted.spillover_deployment_name
    target = state.deployment(wanted.account, str(name))
    if target is None:
        problem = "is not a deployment of the same account"
    elif not wanted.sku.is_provisioned:
        problem = "can be set for a provisioned deployment only"
    elif target.sku.name != wanted.sku.name.replace("ProvisionedManaged", "Standard"):
        problem = "is not a standard deployment of the same data processing level"
    elif target.model != wanted.model:
        problem = "has another model or version"
    else:
        return
    raise invalid(f"The spillover deployment '{name}' of deployment '{wanted.name}' {problem}.")
