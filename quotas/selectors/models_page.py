"""The register of models as people read it."""

from dataclasses import dataclass
from datetime import datetime

from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from portal.models import User
from quotas.domain.model_register import Standing
from quotas.models import Deployment, ModelRule
from quotas.selectors import words
from quotas.selectors.model_register import Registered, register_for

STATUS = {
    Standing.ALLOWED: Status("Allowed", Tone.OK),
    Standing.DEPRECATED: Status("Deprecated", Tone.ATTENTION),
    Standing.RETIRED: Status("Retired", Tone.DANGER),
}
MOST_NAMED = 3


@dataclass(frozen=True)
class RuleShown:
    """`from_at` is None once it is in force; `until` is when another follows it."""

    id: int
    word: str
    reason: str
    by: str
    from_at: Shown | None
    until: Shown | None
    of_all_versions: bool


@dataclass(frozen=True)
class ModelRow:
    """`retires` None: Azure states no date; `is_planned`: more than a guess. `more` deployments
    are not named.
    """

    name: str
    version: str
    status: Status
    lifecycle: str
    retires: Shown | None
    retires_sort: str
    is_planned: bool
    successor: str
    deployments: list[Deployment]
    more: int
    rules: list[RuleShown]


@dataclass(frozen=True)
class ModelsPage:
    """`ending` counts versions that run, of what the person sees, and are deprecated or have a
    planned end.
    """

    rows: list[ModelRow]
    running: int
    ending: int


def models_page(user: User, *, at: datetime) -> ModelsPage:
    found = register_for(user, at=at, most=MOST_NAMED)
    running = [each for each in found if each.deployments]
    found.sort(key=_order)
    return ModelsPage(
        rows=[_row(each, at=at) for each in found],
        running=len(running),
        ending=sum(_is_ending(each) for each in running),
    )


def _is_ending(each: Registered) -> bool:
    return not each.judged.is_allowed or each.life.planned_end is not None


def _order(each: Registered) -> tuple[bool, bool, float]:
    """What runs and ends soon comes first; else as it was: by name."""
    end = each.life.planned_end
    near = end.timestamp() if end and each.deployments else float("inf")
    return not each.deployments, each.judged.is_allowed, near


def _row(each: Registered, *, at: datetime) -> ModelRow:
    end = each.life.retires_at
    return ModelRow(
        name=each.name,
        version=each.version,
        status=STATUS[each.judged.standing],
        lifecycle=each.life.lifecycle,
        retires=words.day(end, now=at) if end else None,
        retires_sort=end.isoformat() if end else "",
        is_planned=each.life.is_planned,
        successor=each.judged.successor,
        deployments=each.deployments,
        more=each.running - len(each.deployments),
        rules=[_rule(rule, at=at) for rule in (each.rule, each.coming) if rule],
    )


def _rule(rule: ModelRule, *, at: datetime) -> RuleShown:
    return RuleShown(
        id=rule.pk,
        word="allowed" if rule.allows else "deprecated",
        reason=rule.reason,
        by=words.person_name(rule.recorded_by),
        from_at=words.moment(rule.effective_from, now=at) if rule.effective_from > at else None,
        until=words.moment(rule.ended_at, now=at) if rule.ended_at else None,
        of_all_versions=not rule.model_version,
    )
