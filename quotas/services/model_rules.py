"""The house's own rules on models, and refusing what is asked of a model that is deprecated."""

from datetime import datetime
from typing import Any

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import User
from quotas.domain.model_register import Judgement, Standing
from quotas.models import Deployment, ModelLife, ModelRule
from quotas.selectors.model_register import judgement_of
from quotas.services.refusals import refuse

LONGEST_REASON = 200


@transaction.atomic
def add_rule(
    model_name: str,
    model_version: str,
    *,
    allows: bool,
    starts_at: datetime,
    reason: str,
    successor: str = "",
    by: User,
    at: datetime,
) -> ModelRule:
    """From `starts_at` on in the place of an earlier one for the same, which holds until then; one
    that was to begin later never does. `model_version` "" is every version. Raises DomainError: not
    a platform owner, no reason, or a model of which nothing is known.
    """
    _check_owner(by)
    if not reason.strip():
        raise refuse("reason_missing", "Say why; whoever asks for the model then reads it.")
    if len(reason.strip()) > LONGEST_REASON:
        raise refuse("reason_too_long", f"Say it in {LONGEST_REASON} characters at most.")
    _check_known(model_name, model_version)
    if successor and successor not in known_models():
        raise refuse("successor_unknown", "Choose as the successor a model that Azure lists.")
    same = {"model_name": model_name, "model_version": model_version}
    for earlier in _locked(**same).open_at(at):
        until = max(at, starts_at) if earlier.effective_from < starts_at else at
        _end(earlier, by=by, at=at, until=until)
    rule = ModelRule.objects.create(
        **same,
        allows=allows,
        effective_from=starts_at,
        reason=reason.strip(),
        successor=successor,
        recorded_at=at,
        recorded_by=by,
    )
    audit.record(
        "model_rule.added",
        f"model_rule/{rule.pk}",
        actor_id=by.pk,
        at=at,
        model=model_name,
        version=model_version,
        allows=allows,
        effective_from=starts_at.isoformat(),
        successor=successor,
    )
    return rule


@transaction.atomic
def end_rule(rule: ModelRule, *, by: User, at: datetime) -> ModelRule:
    """From now on what Azure says holds again; of one that has not begun, the one that it was to
    follow goes on. Raises DomainError: not a platform owner.
    """
    _check_owner(by)
    same = _locked(model_name=rule.model_name, model_version=rule.model_version)
    found: ModelRule | None = next((each for each in same.open_at(at) if each.pk == rule.pk), None)
    if found is None:
        raise ChangedMeanwhile(f"The rule “{rule}”")
    _end(found, by=by, at=at, until=at)
    before = same.filter(ended_at=found.effective_from, effective_from__lt=found.effective_from)
    for each in before.exclude(pk=found.pk) if found.effective_from > at else ():
        each.ended_at, each.ended_by = None, None
        each.save(update_fields=["ended_at", "ended_by"])
        audit.record("model_rule.goes_on", f"model_rule/{each.pk}", actor_id=by.pk, at=at)
    return found


def _locked(**same: str) -> Any:
    """The rules of one model, one transaction after the other: the rows of what Azure says of it
    are the lock, as there may be no rule yet.
    """
    name = same["model_name"]
    list(ModelLife.objects.select_for_update().filter(model_name=name).order_by("pk"))
    return ModelRule.objects.filter(**same)


def _end(rule: ModelRule, *, by: User, at: datetime, until: datetime) -> None:
    rule.ended_at, rule.ended_by = until, by
    rule.save(update_fields=["ended_at", "ended_by"])
    facts = {"until": until.isoformat()}
    audit.record("model_rule.ended", f"model_rule/{rule.pk}", actor_id=by.pk, at=at, **facts)


def known_models() -> list[str]:
    """Names and versions that Azure lists, or listed: `gpt-4o 2024-11-20`."""
    rows = ModelLife.objects.order_by("model_name", "model_version")
    found = rows.values_list("model_name", "model_version").distinct()
    return [f"{name} {version}" for name, version in found]


def why_not_askable(deployment: Deployment, *, at: datetime) -> DomainError | None:
    """None where more of the deployment's model may be asked for."""
    judged = judgement_of(deployment, at=at)
    if judged.is_allowed:
        return None
    return refuse("model_deprecated", _sentence(deployment, judged))


def _sentence(deployment: Deployment, judged: Judgement) -> str:
    model = f"{deployment.model_name} {deployment.model_version}"
    parts = [f"{model} is {_word(judged)}, so nothing more of it can be asked for."]
    if judged.by_rule:
        parts.append(f"The platform owners say why: {judged.reason.rstrip('.')}.")
    if judged.successor:
        parts.append(f"Ask for {judged.successor} instead: plan a deployment of it.")
    else:
        parts.append("No successor is named; the register of models lists what is allowed.")
    return " ".join(parts)


def _word(judged: Judgement) -> str:
    if judged.standing == Standing.RETIRED:
        return "retired by Azure"
    end = f"; Azure retires it on {judged.retires_at:%d %b %Y}" if judged.retires_at else ""
    return f"deprecated{end}"


def _check_owner(by: User) -> None:
    if not by.is_platform_owner:
        raise refuse("not_yours", "Only a platform owner says which models may be asked for.")


def _check_known(name: str, version: str) -> None:
    rows = ModelLife.objects.filter(model_name=name)
    if not (rows.filter(model_version=version) if version else rows).exists():
        raise refuse("model_unknown", "Choose a model that Azure lists.")
