"""A start that was never there when its window ended: Headroom stops trying, and says so.

Nothing is released: what the ledger held for it ended with its window.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from portal import audit
from portal.outbox import Event, tell
from quotas.domain.states import ChangeState
from quotas.models import CapacityRequest, Change, LedgerEntry, Pool
from quotas.selectors import words
from quotas.selectors.changes import what_azure_said
from quotas.selectors.freezes import held_sentence
from quotas.selectors.people import holders_of, operators_of
from quotas.services import kill_switch
from quotas.services.gates import ON_THE_WAY

KILLED = "The kill switch was on when its window ended, so nothing was written to Azure."
NEVER_SENT = "Its turn to be written never came."


def note_given_up(change: Change, *, at: datetime) -> bool:
    """To be called in the transaction that replaces a change the ledger wants no more. False where
    nobody's start is lost with it: it ended for another reason, or it was never to be written.
    """
    if change.is_shrink or change.plan.mode != Pool.Mode.APPLY:
        return False
    lost = _lost(change, at=at)
    if not lost:
        return False
    change.gave_up_at = at
    change.sentence = _why(change)
    change.because = [_marked(each, set(lost)) for each in change.because]
    change.save(update_fields=["gave_up_at", "because", "sentence"])
    audit.record("change.gave_up", f"change/{change.pk}", actor_id=None, at=at, requests=[*lost])
    for entry in lost.values():
        _tell(entry, change, at=at)
    return True


def gave_up_meanwhile(change: Change | None, rows: Iterable[LedgerEntry], *, at: datetime) -> bool:
    """Whether somebody's start is lost with an open change that the ledger wants all the same: an
    equal burst, or an extension, goes on where it ended. It is replaced, so that the one hears of
    it by then, and the other when its own window ends. `rows` are the pool's.
    """
    if change is None or change.is_shrink or change.state in ON_THE_WAY:
        return False
    mine = [row for row in rows if row.deployment_id == change.deployment_id]
    going_on = {row.request_id for row in mine if row.units > 0 and at in row.window}
    is_over = any(each["request"] not in going_on for each in _starts(change))
    return is_over and change.plan.mode == Pool.Mode.APPLY and bool(_lost(change, at=at))


def _starts(change: Change) -> list[dict[str, Any]]:
    return [each for each in change.because if each.get("edge") == "start"]


def _why(change: Change) -> str:
    """What Azure refused comes first: the switch may have been thrown long after that."""
    if change.error_reason:
        return change.sentence
    if change.held_by:
        return held_sentence(change.held_by, UTC, is_over=True)
    return KILLED if kill_switch.is_on() else change.sentence or NEVER_SENT


def _lost(change: Change, *, at: datetime) -> dict[int, LedgerEntry]:
    """By request id, the bursts behind it that are over and that no write ever brought there.

    What Azure had when it was planned was there, though no start names it: an extension, say, or a
    burst that began when an equal one ended.
    """
    ids = [each["request"] for each in _starts(change)]
    done = Change.objects.filter(deployment=change.deployment_id, state=ChangeState.SUCCEEDED)
    return {
        entry.request_id: entry
        for entry in _not_there(change)
        if entry.request_id is not None
        and entry.request_id in ids
        and entry.kind == LedgerEntry.Kind.BURST
        and entry.effective_until <= at
        and not done.filter(
            because__contains=[{"request": entry.request_id, "edge": "start"}]
        ).exists()
    }


def _not_there(change: Change) -> list[LedgerEntry]:
    """The newest starts in force when it was planned, as many as Azure lacked units then; what
    somebody took away by hand had been there.
    """
    rows = LedgerEntry.objects.applied().filter(deployment=change.deployment_id)
    rows = rows.in_force_at(change.planned_at).order_by("-effective_from", "-pk")
    rows = rows.select_related("request__service", "request__deployment")
    left: Counter[int] = Counter()
    for row in rows:
        left[row.reverses_id or row.pk] += row.units
    had = max(change.from_units, change.settled_units or 0)
    lacking, found = sum(left.values()) - had, []
    for row in rows:
        if lacking > 0 and left[row.pk] > 0:
            found.append(row)
            lacking -= left[row.pk]
    return found


def _marked(each: dict[str, object], lost: set[int]) -> dict[str, object]:
    return {**each, "gave_up": True} if each.get("request") in lost else each


def _tell(entry: LedgerEntry, change: Change, *, at: datetime) -> None:
    request: CapacityRequest | None = entry.request
    if request is None:
        return
    start = max(request.starts_at, entry.effective_from)
    tell(
        Event.BURST_GAVE_UP,
        holders_of(request) | operators_of(change.plan.pool),
        subject=f"request/{request.pk}",
        url=request.get_absolute_url(),
        at=at,
        service=request.service.name,
        amount=words.amount(request.deployment, entry.units),
        from_at=min(start, entry.effective_until),
        until_at=entry.effective_until,
        why=what_azure_said(change, zone=UTC),
    )
