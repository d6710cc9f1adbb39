"""Changes, plans and findings as programs read them. Numbers are exact, null where not known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from portal.kernel.shown import Shown
from portal.models import User
from quotas.models import Change, Finding, Pool
from quotas.selectors.change_list import StoppedPlan, stopped_plans
from quotas.selectors.changes import ChangeRow, azure_answer, change_rows
from quotas.selectors.findings import sentence_of
from quotas.selectors.next_steps import next_step
from quotas.selectors.pool_plan import PoolPlan, Step, pool_plan

Json = dict[str, Any]


def changes_json(changes: Sequence[Change], user: User, *, at: datetime) -> list[Json]:
    """Needs what `changes_visible_to` reads with its rows, and `answered_by`. One query at most."""
    rows = change_rows(changes, user, at=at)
    return [_change(change, row, at=at) for change, row in zip(changes, rows, strict=True)]


def _change(change: Change, row: ChangeRow, *, at: datetime) -> Json:
    """`may`: the answers that this person has. `sentence`: for people, empty where it is over."""
    return {
        "id": change.pk,
        "pool": change.plan.pool_id,
        "plan": change.plan_id,
        "account": change.deployment.account.name,
        "deployment": change.deployment.name,
        "from_units": change.from_units,
        "to_units": change.to_units,
        "state": change.state,
        "next_step": next_step(change, at=at),
        "sentence": row.sentence,
        "azure_answer": azure_answer(change),
        "because": change.because,
        "held_by_freeze": change.held_by_id,
        "planned_at": change.planned_at,
        "not_before": change.not_before,
        "attempts": change.attempts,
        "written_at": change.written_at,
        "verified_at": change.verified_at,
        "ended_at": change.ended_at,
        "snoozed_until": change.snoozed_until,
        "answered_by": change.answered_by.username if change.answered_by else None,
        "answer_reason": change.answer_reason,
        "may": _answers(row),
    }


def _answers(row: ChangeRow) -> list[str]:
    to_an_edit = ["adopt", "snooze"] if row.may_adopt else []
    return [*to_an_edit, *(["write-back"] if row.may_write_back else [])]


def plan_json(pool: Pool, user: User, *, at: datetime) -> Json:
    """`goes` in the order of writing, `waits` what is not written now, `held` the plans that ask
    for a yes.
    """
    operates = Pool.objects.operated_by(user).filter(pk=pool.pk).exists()
    plan = pool_plan(pool, operates=operates, at=at)
    return {
        "pool": pool.pk,
        "mode": pool.mode,
        "kill_switch_is_on": plan.is_killed,
        "is_written": plan.is_written,
        **_room(plan),
        "goes": [_step(step) for step in plan.goes],
        "waits": [_step(step) for step in plan.waits],
        "held": [_held(each) for each in stopped_plans([pool], user, at=at)],
    }


def _room(plan: PoolPlan) -> Json:
    return {
        "room_before_units": _number(plan.room_before),
        "room_after_units": _number(plan.room_after),
    }


def _step(step: Step) -> Json:
    return {
        "number": step.number,
        "change": step.row.id,
        "deployment": step.row.deployment,
        "from_units": step.units_before,
        "to_units": step.units_after,
        "why": [text for text, _ in step.row.why],
        "sentence": step.row.sentence,
        "room_after_units": _number(step.room_after),
        "may": _answers(step.row),
    }


def _held(plan: StoppedPlan) -> Json:
    return {
        "id": plan.id,
        "sentence": plan.sentence,
        "changes": plan.changes,
        "content": plan.content,
        "may_allow": plan.may_allow,
    }


def _number(shown: Shown | None) -> int | None:
    """The exact value of units as pages show them; None where they are not known."""
    return int(shown.value) if shown is not None and shown.value else None


def finding_json(finding: Finding) -> Json:
    """`how` is empty while it is open. Of a limit there is no deployment, and `was` and `now` are
    units.
    """
    deployment, pool = finding.deployment, finding.its_pool
    return {
        "id": finding.pk,
        "account": deployment.account.name if deployment else None,
        "deployment": deployment.name if deployment else None,
        "pool": pool.pk if pool else None,
        "kind": finding.kind,
        "was": finding.was,
        "now": finding.now,
        "sentence": sentence_of(finding),
        "found_at": finding.found_at,
        "snoozed_until": finding.snoozed_until,
        "ended_at": finding.ended_at,
        "how": finding.how,
        "answered_by": finding.answered_by.username if finding.answered_by else None,
        "answer_reason": finding.answer_reason,
    }
