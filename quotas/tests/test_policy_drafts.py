"""Changing the policy: a draft, a second person, and a history that nobody edits."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import AuditRow, Message, Notice, Role, User
from quotas.domain.policy import DEFAULT, PolicyLimits, of_limits
from quotas.domain.policy_reading import PolicyInvalid
from quotas.models import PolicyVersion, Service
from quotas.services import policy, policy_drafts
from quotas.tests import factories
from quotas.tests.conftest import ask
from quotas.tests.factories import NOON

LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def eve(db: None) -> User:
    """An administrator."""
    return factories.person("Eve", Role.ADMIN)


def longer(hours: int = 100) -> dict[str, Any]:
    """The default, with a longer burst approved at once."""
    document = copy.deepcopy(DEFAULT.as_json())
    document["rules"][2]["when"][1]["value"] = str(hours)
    return document


def drafted(by: User, content: dict[str, Any] | None = None) -> PolicyVersion:
    policy_drafts.begin(by=by, at=NOON)
    return policy_drafts.save(
        content or longer(), note="Longer trainings.", seen=None, by=by, at=NOON
    )


def test_a_second_person_publishes_what_the_first_one_wrote(cleo: User, eve: User) -> None:
    draft = drafted(cleo)
    published = policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)
    number, rules = policy.current(at=LATER)
    assert (number, published.number) == (2, 2)
    assert rules.as_json() == longer()
    assert policy_drafts.open_draft() is None
    row = AuditRow.objects.get(verb="policy.published", subject="policy/2")
    assert row.actor_id == eve.pk


def test_those_who_decide_by_it_are_told_once(cleo: User, eve: User, fay: User, ada: User) -> None:
    draft = drafted(cleo)
    policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)
    notice = Notice.objects.get(event="policy.published")
    assert notice.facts["note"] == "Longer trainings."
    told = Message.objects.filter(notice=notice).values_list("person__username", flat=True)
    assert set(told) == {"cleo", "fay"}


def test_nobody_publishes_what_they_wrote_in(cleo: User, eve: User) -> None:
    draft = drafted(cleo)
    with pytest.raises(DomainError, match="You wrote in this draft"):
        policy_drafts.publish(seen=draft.edited_at, by=cleo, at=LATER)
    draft = policy_drafts.save(longer(90), note="Shorter.", seen=None, by=eve, at=LATER)
    for writer in (cleo, eve):
        with pytest.raises(DomainError, match="You wrote in this draft"):
            policy_drafts.publish(seen=draft.edited_at, by=writer, at=LATER)


def test_the_database_refuses_one_person_for_both(cleo: User) -> None:
    draft = drafted(cleo)
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyVersion.objects.filter(pk=draft.pk).update(
            number=2, published_at=LATER, published_by_id=cleo.pk
        )


@pytest.mark.parametrize("what", ["update", "delete"])
def test_the_database_refuses_to_change_what_is_published(what: str, db: None) -> None:
    policy.current(at=NOON)
    rows = PolicyVersion.objects.filter(number=1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.delete() if what == "delete" else rows.update(note="Nothing to see.")
    assert PolicyVersion.objects.get(number=1).policy == DEFAULT


def test_a_draft_may_be_wrong_but_not_published(cleo: User, eve: User) -> None:
    wrong = longer()
    wrong["rules"][2]["when"][1]["value"] = "long"
    draft = drafted(cleo, wrong)
    assert draft.content == wrong
    with pytest.raises(PolicyInvalid, match="Rule 3 “Ordinary bursts”, condition 2, value"):
        policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)
    assert policy.current(at=LATER)[0] == 1


def test_people_whom_a_stage_names_have_to_be_there(cleo: User, eve: User, dan: User) -> None:
    document = longer()
    stage = document["rules"][3]["stages"][0] | {"approvers": "people", "people": [dan.pk, 999]}
    document["rules"][3]["stages"][0] = stage
    draft = drafted(cleo, document)
    with pytest.raises(PolicyInvalid, match="nobody who is there has the number 999"):
        policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)
    stage["people"] = [dan.pk]
    draft = policy_drafts.save(document, note="Dan too.", seen=None, by=cleo, at=NOON)
    policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)
    assert policy.current(at=LATER)[1].rules[3].stages[0].stage.people == (dan.pk,)


def test_a_draft_that_changes_nothing_is_not_published(cleo: User, eve: User) -> None:
    draft = drafted(cleo, DEFAULT.as_json())
    with pytest.raises(DomainError, match="says what version 1 says already"):
        policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)


def test_a_draft_without_a_reason_is_not_published(cleo: User, eve: User) -> None:
    policy_drafts.begin(by=cleo, at=NOON)
    draft = policy_drafts.save(longer(), note=" ", seen=None, by=cleo, at=NOON)
    with pytest.raises(DomainError, match="what changes and why"):
        policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)


def test_what_was_changed_since_it_was_read_is_not_published(cleo: User, eve: User) -> None:
    seen = drafted(cleo).edited_at
    policy_drafts.save(longer(500), note="Much longer.", seen=seen, by=cleo, at=LATER)
    with pytest.raises(ChangedMeanwhile):
        policy_drafts.publish(seen=seen, by=eve, at=LATER)
    with pytest.raises(ChangedMeanwhile):
        policy_drafts.save(longer(), note="Mine.", seen=seen, by=eve, at=LATER)
    with pytest.raises(ChangedMeanwhile):
        policy_drafts.discard(seen=seen, by=eve, at=LATER)


def test_there_is_one_draft_at_a_time(cleo: User, eve: User) -> None:
    policy_drafts.begin(by=cleo, at=NOON)
    with pytest.raises(DomainError, match="There is a draft already"):
        policy_drafts.begin(by=eve, at=LATER)
    assert PolicyVersion.objects.filter(number=None).count() == 1


def test_a_discarded_draft_leaves_its_trace_and_room_for_another(cleo: User) -> None:
    draft = drafted(cleo)
    policy_drafts.discard(seen=draft.edited_at, by=cleo, at=LATER)
    assert policy_drafts.open_draft() is None
    assert AuditRow.objects.filter(verb="policy.draft_discarded", actor_id=cleo.pk).count() == 1
    policy_drafts.begin(by=cleo, at=LATER)


@pytest.mark.parametrize("role", [None, Role.FINANCE, Role.AUDITOR])
def test_others_do_not_write_it(role: str | None, db: None) -> None:
    other = factories.person("Olga", *([role] if role else []))
    with pytest.raises(DomainError, match="Only platform owners and administrators"):
        policy_drafts.begin(by=other, at=NOON)


def test_odd_text_and_heaps_of_it_are_no_trouble_for_the_database(cleo: User) -> None:
    draft = drafted(cleo, {"rules": "a\x00b", "longest_hours": float("inf")})
    draft.refresh_from_db()
    assert draft.content == {"rules": "ab", "longest_hours": "Infinity"}
    with pytest.raises(DomainError, match="characters at most"):
        policy_drafts.save({"rules": "x" * 200_000}, note="", seen=None, by=cleo, at=NOON)


def test_a_version_of_the_old_form_is_read_and_stays_as_it_is(cleo: User, eve: User) -> None:
    old = PolicyLimits(review_hours=24)
    PolicyVersion.objects.create(number=1, content=old.as_json(), published_at=NOON)
    assert policy.current(at=NOON) == (1, of_limits(old))
    draft = drafted(cleo)
    policy_drafts.publish(seen=draft.edited_at, by=eve, at=LATER)
    assert PolicyVersion.objects.get(number=1).content == old.as_json()


def test_what_is_asked_next_is_judged_by_the_new_version(
    chat: Service, ada: User, cleo: User, eve: User
) -> None:
    before = ask(chat, ada, ends_at=factories.utc("2026-03-07 10:00"))
    assert before.state == "in_review"
    draft = drafted(cleo)
    policy_drafts.publish(seen=draft.edited_at, by=eve, at=NOON)
    after = ask(chat, ada, units=10, ends_at=factories.utc("2026-03-07 10:00"))
    assert (after.state, after.policy_version) == ("approved", 2)
    before.refresh_from_db()
    assert before.state == "in_review"


def test_a_refusal_of_the_policy_is_told_with_its_reason_and_keeps_nothing(
    chat: Service, ada: User, cleo: User, eve: User
) -> None:
    document = longer()
    document["rules"].insert(0, {
        "name": "No month", "kinds": ["burst"], "then": "deny",
        "when": [{"fact": "hours", "is": "above", "value": 80}],
        "reason": "Ask for a baseline instead.",
    })  # fmt: skip
    draft = drafted(cleo, document)
    policy_drafts.publish(seen=draft.edited_at, by=eve, at=NOON)
    with pytest.raises(DomainError, match=r"\(version 2\) refuses this: Ask for a baseline"):
        ask(chat, ada, ends_at=factories.utc("2026-03-07 10:00"))
    assert not chat.requests.exists()
