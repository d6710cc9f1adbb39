"""Drafts: kept for their writer alone until they are sent, deleted, or 30 days old."""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.models import User
from quotas.domain.states import RequestEvent, RequestState, deadline
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest
from quotas.services.asking import Draft, content_hash, fields_of, rounded_window
from quotas.services.checks import check_may_request
from quotas.services.refusals import refuse
from quotas.services.transitions import move


@transaction.atomic
def save_draft(
    draft: Draft,
    *,
    by: User,
    at: datetime,
    saved: CapacityRequest | None = None,
    written_by: User | None = None,
) -> CapacityRequest:
    """Keeps what was typed, whether or not it could be sent; `saved` is the draft to write over.
    It is `by`'s alone to read and send, also where somebody else has written it for them.

    Raises DomainError for a service of others, and for what cannot be kept: no amount, or an end
    that is not after the start.
    """
    check_may_request(by, draft.service)
    fields = fields_of(draft, _keepable(draft, at=at))
    actor = written_by or by
    if saved is not None:
        return _write_over(saved, fields, by=by, actor=actor, at=at)
    request = CapacityRequest(**fields, requester=by, state=RequestState.DRAFT, submitted_at=at)
    request.content_hash = content_hash(request)
    request.deadline_at = deadline(RequestState.DRAFT, since=at, ends_at=request.window.end)
    request.save(force_insert=True)
    audit.record("draft.saved", f"request/{request.pk}", actor_id=actor.pk, at=at)
    return request


def _keepable(draft: Draft, *, at: datetime) -> Terms:
    try:
        window = rounded_window(draft, at=at)
    except ValueError:
        raise refuse("ends_before_start", "The end must be after the start.") from None
    lasting = draft.kind in (CapacityRequest.Kind.BASELINE, CapacityRequest.Kind.TRANSFER)
    if (draft.ends_at is None) and not lasting:
        raise refuse("no_end", "Say when it ends. For a lasting need, ask for a higher baseline.")
    if draft.units == 0 or (draft.units < 0 and draft.kind != CapacityRequest.Kind.BASELINE):
        raise refuse("nothing_asked", "Ask for more than nothing.")
    return Terms(draft.units, window)


def _write_over(
    saved: CapacityRequest, fields: dict[str, object], *, by: User, actor: User, at: datetime
) -> CapacityRequest:
    check_own_draft(saved, by)
    for name, value in fields.items():
        setattr(saved, name, value)
    due = deadline(RequestState.DRAFT, since=at, ends_at=saved.window.end)
    fields |= {"content_hash": content_hash(saved), "submitted_at": at, "deadline_at": due}
    move(saved, RequestEvent.EDIT, **fields)
    audit.record("draft.saved", f"request/{saved.pk}", actor_id=actor.pk, at=at)
    return saved


@transaction.atomic
def delete_draft(saved: CapacityRequest, *, by: User, at: datetime) -> None:
    """For good: a draft was seen by nobody else and holds nothing."""
    check_own_draft(saved, by)
    if not CapacityRequest.objects.filter(pk=saved.pk, state=RequestState.DRAFT).delete()[0]:
        raise ChangedMeanwhile(f"Draft #{saved.pk}")
    audit.record("draft.deleted", f"request/{saved.pk}", actor_id=by.pk, at=at)


def check_own_draft(saved: CapacityRequest, by: User) -> None:
    """Raises DomainError unless it is a draft of this person's own."""
    if saved.requester_id != by.pk:
        raise refuse("not_yours", "Only its writer may change, send or delete a draft.")
    if saved.state != RequestState.DRAFT:
        raise refuse("sent_already", "This was sent already; it is no draft any more.")
