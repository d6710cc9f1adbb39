"""Changing the policy: one draft at a time, published by somebody who did not write in it.

What is published is never edited; going back is a new version with the old content.
"""

import json
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse

from portal import audit, outbox
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import Role, User
from quotas.domain.policy import Policy
from quotas.domain.policy_fields import Problem
from quotas.domain.policy_reading import PolicyInvalid, read_policy
from quotas.domain.policy_text import MOST_TEXT, parsed
from quotas.domain.stages import PEOPLE
from quotas.models import PolicyVersion
from quotas.services import policy
from quotas.services.refusals import refuse

LONGEST_NOTE = 400
MAY_CHANGE = frozenset({Role.PLATFORM_OWNER, Role.ADMIN})


def may_change(user: User) -> bool:
    """Platform owners and administrators write and publish; four eyes hold between them."""
    return bool(MAY_CHANGE & user.roles)


def open_draft() -> PolicyVersion | None:
    return PolicyVersion.objects.filter(number=None).first()


@transaction.atomic
def begin(*, by: User, at: datetime, content: dict[str, Any] | None = None) -> PolicyVersion:
    """A draft of the policy in force, or of `content`. Raises DomainError where there is one."""
    _check_may(by)
    _, in_force = policy.current(at=at)
    try:
        with transaction.atomic():
            draft = PolicyVersion.objects.create(
                content=_kept(in_force.as_json() if content is None else content),
                drafted_by_id=by.pk,
                drafted_at=at,
                edited_by_ids=[by.pk],
                edited_at=at,
            )
    except IntegrityError:
        raise refuse(
            "draft_exists",
            "There is a draft already. Edit that one, or discard it and begin again.",
        ) from None
    audit.record("policy.draft_begun", f"policy-draft/{draft.pk}", actor_id=by.pk, at=at)
    return draft


@transaction.atomic
def save(
    content: dict[str, Any], *, note: str, seen: datetime | None, by: User, at: datetime
) -> PolicyVersion:
    """Keeps what was written, right or wrong: only publishing asks that it is right.

    `seen` is the draft's `edited_at` as the writer saw it. Raises ChangedMeanwhile where somebody
    else wrote since, DomainError without a draft, for other people, and for too long a note.
    """
    draft = _locked(by, seen)
    if len(note.strip()) > LONGEST_NOTE:
        raise refuse("note_too_long", f"Say it in {LONGEST_NOTE} characters at most.")
    draft.content, draft.note, draft.edited_at = _kept(content), note.strip(), at
    draft.edited_by_ids = sorted({*draft.edited_by_ids, by.pk})
    draft.save(update_fields=["content", "note", "edited_at", "edited_by_ids"])
    audit.record("policy.draft_saved", f"policy-draft/{draft.pk}", actor_id=by.pk, at=at)
    return draft


@transaction.atomic
def take_in(text: str, *, seen: datetime | None, by: User, at: datetime) -> PolicyVersion:
    """What a YAML or JSON text holds becomes the draft: begun where there is none, else in place of
    what it says. Its note stays. Raises as `parsed`, `begin` and `save` do.
    """
    content = parsed(text)
    draft = open_draft()
    if draft is None:
        return begin(by=by, at=at, content=content)
    if seen is None:
        raise refuse(
            "draft_exists",
            "There is a draft already. Open it, and load the file there. Nothing was kept.",
        )
    return save(content, note=draft.note, seen=seen, by=by, at=at)


@transaction.atomic
def discard(*, seen: datetime | None, by: User, at: datetime) -> None:
    """Raises as `save` does."""
    draft = _locked(by, seen)
    subject = f"policy-draft/{draft.pk}"
    draft.delete()
    audit.record("policy.draft_discarded", subject, actor_id=by.pk, at=at)


@transaction.atomic
def publish(*, seen: datetime | None, by: User, at: datetime) -> PolicyVersion:
    """In force from this moment, for what is asked from now on; nothing that is asked already is
    judged anew by it.

    Raises DomainError: somebody who wrote in it (four eyes), a draft with a wrong value, one that
    changes nothing or does not say why, one that was changed meanwhile. Then nothing changes.
    """
    draft = _locked(by, seen)
    if by.pk in draft.edited_by_ids or by.pk == draft.drafted_by_id:
        raise refuse(
            "four_eyes",
            "You wrote in this draft, so somebody else publishes it: another platform owner or "
            "administrator.",
        )
    number, in_force = policy.current(at=at)
    rules = check(draft.content, at=at)
    if rules == in_force:
        raise refuse("nothing_changed", f"The draft says what version {number} says already.")
    if not draft.note:
        raise refuse("reason_missing", "The draft does not say what changes and why. Add it first.")
    draft.number, draft.content = number + 1, rules.as_json()
    draft.published_at, draft.published_by_id = at, by.pk
    draft.save(update_fields=["number", "content", "published_at", "published_by_id"])
    audit.record(
        "policy.published", f"policy/{draft.number}", actor_id=by.pk, at=at, draft=draft.pk
    )
    _tell(draft, by, at=at)
    return draft


def _tell(version: PolicyVersion, by: User, *, at: datetime) -> None:
    """Everybody who may change it, and finance, who answers stages of it."""
    told = User.objects.filter(role_grants__role__in=[*MAY_CHANGE, Role.FINANCE])
    people = told.exclude(pk=by.pk).distinct()
    writers = User.objects.filter(pk__in=version.edited_by_ids)
    outbox.tell(
        outbox.Event.POLICY_PUBLISHED,
        people,
        subject=f"policy/{version.number}",
        url=reverse("policy_version", args=[version.number]),
        at=at,
        number=version.number,
        by=by.display_name,
        writers=", ".join(sorted(person.display_name for person in writers)),
        note=version.note,
    )


def check(content: Any, *, at: datetime) -> Policy:
    """The policy that this is. Raises PolicyInvalid with everything that is wrong, people who are
    not there among it.
    """
    rules = read_policy(content)
    strangers = _strangers(rules, at=at)
    if strangers:
        raise PolicyInvalid(strangers)
    return rules


def problems_of(content: Any, *, at: datetime) -> tuple[Problem, ...]:
    """Everything that is wrong; none where it could be published."""
    try:
        check(content, at=at)
    except PolicyInvalid as refused:
        return refused.problems
    return ()


def _strangers(rules: Policy, *, at: datetime) -> tuple[Problem, ...]:
    named = {
        person for rule in rules.rules for asked in rule.stages for person in asked.stage.people
    }
    there = User.objects.present_at(at).filter(pk__in=named)
    known = set(there.values_list("pk", flat=True))
    return tuple(
        Problem(
            f"rules.{r}.stages.{s}.people",
            f"Rule {r + 1} “{rule.name}”, stage {s + 1}, people: nobody who is there has the "
            f"number {', '.join(str(pk) for pk in asked.stage.people if pk not in known)}.",
        )
        for r, rule in enumerate(rules.rules)
        for s, asked in enumerate(rule.stages)
        if asked.stage.approvers == PEOPLE and set(asked.stage.people) - known
    )


def _kept(content: dict[str, Any]) -> dict[str, Any]:
    """In its one spelling where it can be read, else as it was written."""
    try:
        return read_policy(content).as_json()
    except DomainError:
        return _storable(content)


def _storable(content: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL keeps no NUL and no infinity in JSON. Raises DomainError for a heap of text."""
    text = json.dumps(content, default=str).replace("\\u0000", "")
    if len(text) > MOST_TEXT:
        raise refuse("too_large", f"A policy has {MOST_TEXT:,} characters at most.")
    kept = json.loads(text, parse_constant=str)
    if not isinstance(kept, dict):
        raise refuse("not_a_policy", "A policy is an object with longest_hours and rules.")
    return kept


def _check_may(by: User) -> None:
    if not may_change(by):
        raise refuse("not_yours", "Only platform owners and administrators change the policy.")


def _locked(by: User, seen: datetime | None) -> PolicyVersion:
    """The draft, until the transaction ends; as it was seen, where the caller says so."""
    _check_may(by)
    draft = PolicyVersion.objects.select_for_update().filter(number=None).first()
    if draft is None:
        raise refuse("no_draft", "There is no draft: it was published or discarded meanwhile.")
    if seen is not None and draft.edited_at != seen:
        raise ChangedMeanwhile("The draft of the policy")
    return draft
