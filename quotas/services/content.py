"""Changing what is asked: new content, a new hash, and what becomes of the approvals given so far.

I15: a change that raises the amount or the length (and with them the cost), or that changes
anything else an approver looked at, voids every approval. One that only lowers them keeps them:
they are carried over to the new content as rows of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quotas.domain.stages import Stage
from quotas.domain.terms import raises_risk
from quotas.models import CapacityRequest, Decision
from quotas.services.answering import part_terms
from quotas.services.asking import content_hash, terms_of
from quotas.services.stages import standing_approvals

TERMS = frozenset({"units", "starts_at", "ends_at"})


@dataclass(frozen=True)
class Changed:
    """`kept` are the approvals of the old content that may be carried over to the new one."""

    raised: bool
    kept: tuple[Decision, ...]


def rewrite(request: CapacityRequest, fields: dict[str, object], *, at: datetime) -> Changed:
    """Puts the fields into the request and its row, with the new hash, and voids the approvals of
    the old content. The caller holds the lock of the request.
    """
    before = terms_of(request)
    other = any(getattr(request, n) != v for n, v in fields.items() if n not in TERMS)
    standing = list(standing_approvals(request).order_by("at", "pk"))
    for name, value in fields.items():
        setattr(request, name, value)
    request.content_hash = content_hash(request)
    CapacityRequest.objects.filter(pk=request.pk).update(
        **fields, content_hash=request.content_hash
    )
    Decision.objects.filter(pk__in=[row.pk for row in standing]).update(voided_at=at)
    raised = other or raises_risk(before, terms_of(request))
    return Changed(raised, () if raised else tuple(standing))


def restage(
    request: CapacityRequest, stages: Sequence[Stage], changed: Changed, old: Sequence[Stage]
) -> None:
    """Gives the request its new stages, and carries kept approvals over to those that it had
    before; a stage that is new, or that others answer, has to be asked.
    """
    rows = [stage.as_json() for stage in stages]
    request.stages = rows
    CapacityRequest.objects.filter(pk=request.pk).update(stages=rows)
    for approval in changed.kept:
        stage = old[approval.stage - 1] if 0 < approval.stage <= len(old) else None
        if stage in stages and _still_means_something(approval, request):
            carry(approval, request, stages.index(stage) + 1)


def _still_means_something(approval: Decision, request: CapacityRequest) -> bool:
    """A part of which no minute is asked any more says nothing about what is."""
    asked = terms_of(request)
    return part_terms(approval, asked).window.overlaps(asked.window)


def carry(approval: Decision, request: CapacityRequest, stage: int) -> Decision:
    """The same person's yes, for the content as it is now. An offer becomes the yes of who made
    it. A part stays a part, as it is not wider than what is asked now only where both hold.
    """
    offered = approval.outcome == Decision.Outcome.COUNTER_OFFERED
    return Decision.objects.create(
        request=request,
        stage=stage,
        decided_by=approval.decided_by,
        delegated_by=approval.delegated_by,
        outcome=Decision.Outcome.APPROVED if offered else approval.outcome,
        note=approval.note,
        units=None if offered else approval.units,
        starts_at=None if offered else approval.starts_at,
        ends_at=None if offered else approval.ends_at,
        content_hash=request.content_hash,
        evidence=approval.evidence,
        policy_version=approval.policy_version,
        policy_facts=approval.policy_facts,
        at=approval.at,
        carried_from=approval,
    )
