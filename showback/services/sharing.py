"""Marks deployments as shared, and divides what no gateway counted: dated, audited, never silent.

Each change is one transaction with one audit row, and leaves marks for the hours that it changes.
"""

from collections.abc import Mapping
from datetime import datetime

from portal import audit
from portal.kernel.errors import DomainError
from portal.kernel.windows import Window, floor_to_hour
from portal.models import User
from showback.models import SharedDeployment, SplitRule, SplitShare
from showback.querysets import in_force_at
from showback.services.dated import make_room, one_change, whole_hours
from showback.services.marks import mark_window

WHOLE = 10_000  # basis points


def share_deployment(
    deployment_id: int, *, start: datetime, by: User, at: datetime, reason: str = ""
) -> SharedDeployment:
    """Several services call it from `start` on: its use is no longer its holder's alone.

    Raises DomainError where it is shared already, the past is changed without a reason, or figures
    that old stay as they are.
    """
    window = whole_hours(start, None, at=at)
    _explained(start, reason, at=at)
    rows = SharedDeployment.objects.filter(deployment_id=deployment_id)
    with one_change("The deployment"):
        if rows.filter(in_force_at(start)).exists():
            raise DomainError("It is shared already. Nothing was changed.", code="already_shared")
        make_room(rows, window, what="time in which it is shared")
        row = SharedDeployment.objects.create(
            deployment_id=deployment_id,
            effective_from=window.start,
            effective_until=window.end,
            recorded_at=at,
            reason=reason.strip(),
        )
        _record("deployment.shared", deployment_id, window, by=by, at=at)
        mark_window([deployment_id], window, at=at)
    return row


def end_sharing(deployment_id: int, *, end: datetime, by: User, at: datetime) -> None:
    """From `end` on it is its holder's again; what was shared before stays so.

    A time that has not begun is taken back whole.
    """
    with one_change("The deployment"):
        row = (
            SharedDeployment.objects.filter(effective_until__gt=at, deployment_id=deployment_id)
            .order_by("effective_from")
            .select_for_update()
            .first()
        )
        if row is None:
            raise DomainError("It is not shared. Nothing was changed.", code="not_shared")
        window = whole_hours(end, None, at=at)
        changed = Window(end, row.effective_until) if end < row.effective_until else window
        if end <= row.effective_from:
            row.delete()
        else:
            row.effective_until = end
            row.save(update_fields=["effective_until"])
        _record("deployment.sharing_ended", deployment_id, changed, by=by, at=at)
        mark_window([deployment_id], changed, at=at)


def set_split_rule(
    deployment_id: int,
    shares: Mapping[int, int],
    *,
    start: datetime,
    until: datetime | None,
    reason: str,
    by: User,
    at: datetime,
) -> SplitRule:
    """Basis points by service. A rule that runs then ends; one that began at `start` is replaced.

    Raises DomainError where the shares do not sum to the whole, the past is changed without a
    reason, or another rule begins inside the window.
    """
    check_shares(shares)
    window = whole_hours(start, until, at=at)
    _explained(start, reason, at=at)
    with one_change("The split rule"):
        rows = SplitRule.objects.filter(deployment_id=deployment_id)
        ended = make_room(rows, window, what="split rule")
        rule = SplitRule.objects.create(
            deployment_id=deployment_id,
            effective_from=window.start,
            effective_until=window.end,
            recorded_at=at,
            reason=reason.strip(),
        )
        SplitShare.objects.bulk_create(
            SplitShare(rule=rule, service_id=service, basis_points=points)
            for service, points in shares.items()
        )
        detail = {"shares": {str(s): points for s, points in shares.items()}, "ended": ended}
        _record("split_rule.set", deployment_id, window, by=by, at=at, rule=rule.pk, **detail)
        mark_window([deployment_id], window, at=at)
    return rule


def end_split_rule(rule_id: int, *, by: User, at: datetime) -> None:
    """Ends a running rule with this hour; one that has not begun is removed."""
    end = floor_to_hour(at)
    with one_change("The split rule"):
        rule = SplitRule.objects.select_for_update().filter(pk=rule_id).first()
        if rule is None or rule.effective_until <= end:
            raise DomainError("That rule has ended already.", code="rule_is_over")
        window = Window(max(end, rule.effective_from), rule.effective_until)
        if rule.effective_from >= end:
            rule.delete()
        else:
            rule.effective_until = end
            rule.save(update_fields=["effective_until"])
        _record("split_rule.ended", rule.deployment_id, window, by=by, at=at, rule=rule_id)
        mark_window([rule.deployment_id], window, at=at)


def _explained(start: datetime, reason: str, *, at: datetime) -> None:
    """Raises DomainError where the past is changed and nobody says why."""
    if start < floor_to_hour(at) and not reason.strip():
        raise DomainError(
            "This changes figures of the past. Give the reason, or let it begin now or later.",
            code="reason_missing",
        )


def check_shares(shares: Mapping[int, int]) -> None:
    """Raises DomainError unless every share is positive and all of them are the whole."""
    together = sum(shares.values())
    if not shares or min(shares.values()) <= 0:
        raise DomainError(
            "Give each service a share above nought, or leave it out.", code="share_missing"
        )
    if together != WHOLE:
        missing = "more" if together > WHOLE else "less"
        raise DomainError(
            f"The shares sum to {together / 100:g} %, {abs(together - WHOLE) / 100:g} % {missing} "
            "than the whole. Change them to sum to 100 %; nothing was saved.",
            code="shares_not_whole",
        )


def _record(
    verb: str, deployment_id: int, window: Window, *, by: User, at: datetime, **detail: object
) -> None:
    audit.record(
        verb,
        f"deployment/{deployment_id}",
        actor_id=by.pk,
        at=at,
        **{"from": window.start.isoformat(), "until": window.end.isoformat()},
        **detail,
    )
