"""Stages: whose turn it is, who may not, delegates, fallback approvers, finance, all-of.

Ada asks for 120 units on top of 100, which goes to people; Cleo owns the platform, Olga the pool.
"""

from datetime import datetime, timedelta

import pytest

from portal.kernel.errors import DomainError
from portal.kernel.windows import Window
from portal.models import Message, User
from quotas.domain.policy import DEFAULT
from quotas.domain.policy_rules import Outcome, Policy, Rule, StageRule
from quotas.domain.stages import ALL_OF, ANY_OF, FINANCE, PEOPLE, POOL_OWNERS, Stage
from quotas.models import CapacityRequest, LedgerEntry, PolicyVersion, Pool, Service
from quotas.services import decisions, delegations
from quotas.services.decisions import approve, deny
from quotas.tests.conftest import ask
from quotas.tests.factories import NOON, person, utc

OWNERS = Stage("Owners", ANY_OF, POOL_OWNERS, 48)
MONEY = Stage("Finance", ANY_OF, FINANCE, 72)
LATER = NOON + timedelta(hours=1)


def publish(*stages: Stage) -> None:
    """Everything goes through these stages."""
    rule = Rule("Everything", Outcome.STAGES, stages=tuple(StageRule(s) for s in stages))
    content = Policy((rule,), DEFAULT.longest_hours).as_json()
    number = PolicyVersion.objects.count() + 1
    PolicyVersion.objects.create(number=number, content=content, published_at=NOON)


@pytest.fixture
def olga(pool: Pool) -> User:
    """Owns this pool, and nothing else."""
    owner = person("Olga")
    pool.owners.add(owner)
    return owner


def granted() -> bool:
    return LedgerEntry.objects.filter(kind="burst").exists()


def inbox_of(user: User, at: datetime = LATER) -> list[int]:
    found = CapacityRequest.objects.decidable_by(User.objects.get(pk=user.pk), at=at)
    return sorted(found.values_list("pk", flat=True))


def test_a_second_stage_opens_when_the_first_is_answered_and_the_last_yes_grants(
    chat: Service, ada: User, cleo: User, fay: User
) -> None:
    publish(OWNERS, MONEY)
    request = ask(chat, ada)
    assert (inbox_of(cleo), inbox_of(fay)) == ([request.pk], [])
    approve(request, by=cleo, note="", at=LATER)
    assert (request.state, request.stage, granted()) == ("in_review", 2, False)
    assert request.deadline_at == utc("2026-03-03 17:45")  # the end comes before 72 hours do
    assert (inbox_of(cleo), inbox_of(fay)) == ([], [request.pk])
    approve(request, by=fay, note="", at=LATER)
    assert (request.state, granted()) == ("approved", True)


def test_i05_nothing_is_granted_before_every_stage_said_yes(
    chat: Service, ada: User, cleo: User, fay: User
) -> None:
    publish(OWNERS, MONEY)
    request = ask(chat, ada)
    with pytest.raises(DomainError, match="somebody of finance|an owner of this pool"):
        approve(request, by=fay, note="", at=LATER)
    approve(request, by=cleo, note="", at=LATER)
    deny(request, by=fay, note="No money.", at=LATER)
    assert (request.state, granted()) == ("denied", False)


def test_i06_one_person_answers_one_stage_only(chat: Service, ada: User) -> None:
    publish(OWNERS, MONEY)
    both = person("Bea", "platform_owner", "finance")
    request = ask(chat, ada)
    approve(request, by=both, note="", at=LATER)
    assert inbox_of(both) == []
    with pytest.raises(DomainError, match="the next stage needs another person"):
        approve(request, by=both, note="", at=LATER)


def test_i06_who_asks_or_is_asked_for_never_decides(chat: Service, ada: User, olga: User) -> None:
    publish(OWNERS)
    chat.team.memberships.create(user=olga, role="lead")
    for who, behalf in ((olga, None), (ada, olga)):
        request = ask(chat, who, on_behalf_of=behalf)
        assert inbox_of(olga) == []
        with pytest.raises(DomainError, match="Nobody decides on their own request"):
            approve(request, by=olga, note="", at=LATER)
        decisions.deny(request, by=person("Cleo", "platform_owner"), note="No.", at=LATER)


def test_i06_a_delegate_of_who_asks_never_decides_even_as_an_owner(
    chat: Service, ada: User, olga: User
) -> None:
    publish(OWNERS)
    request = ask(chat, ada)
    window = Window(NOON, NOON + timedelta(days=7))
    delegations.delegate(olga, window, by=ada, at=NOON)
    assert inbox_of(olga) == []
    with pytest.raises(DomainError, match="has let you decide in their place"):
        approve(request, by=olga, note="", at=LATER)
    after = utc("2026-03-09 12:00")  # half-open: from the minute it ends
    assert inbox_of(olga, at=after) == [request.pk]


def test_a_delegate_decides_while_the_delegation_lasts_and_stands_for_who_gave_it(
    chat: Service, ada: User, olga: User, pool: Pool
) -> None:
    publish(OWNERS)
    request, ben = ask(chat, ada), person("Nils")
    assert not CapacityRequest.objects.visible_to(ben).exists()
    window = Window(NOON + timedelta(hours=1), NOON + timedelta(hours=3))
    delegations.delegate(ben, window, by=olga, at=NOON, pool=pool)
    assert Message.objects.filter(person=ben, notice__event="delegation.given").exists()
    assert list(CapacityRequest.objects.visible_to(ben)) == [request]
    for at in (NOON, window.end):
        assert inbox_of(ben, at=at) == []
        with pytest.raises(DomainError, match="Only an owner of this pool"):
            approve(request, by=ben, note="", at=at)
    assert inbox_of(ben, at=window.start) == [request.pk]
    approve(request, by=ben, note="", at=window.start)
    decision = request.decisions.get()
    assert (decision.decided_by, decision.delegated_by) == (ben, olga)


def test_a_delegation_for_another_pool_gives_nothing(
    chat: Service, ada: User, olga: User, pool: Pool
) -> None:
    publish(OWNERS)
    request, nils = ask(chat, ada), person("Nils")
    other = Pool.objects.create(
        subscription_id="x", scope_id="westus", region="westus", usage_name="y", kind="tokens",
        first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip
    window = Window(NOON, NOON + timedelta(days=1))
    delegations.delegate(nils, window, by=olga, at=NOON, pool=other)
    assert inbox_of(nils) == []
    assert not CapacityRequest.objects.visible_to(nils).exists()
    with pytest.raises(DomainError, match="Only an owner"):
        approve(request, by=nils, note="", at=LATER)


def test_a_delegation_ends_early_and_a_second_one_of_the_same_is_refused(
    olga: User, pool: Pool
) -> None:
    nils, window = person("Nils"), Window(NOON, NOON + timedelta(days=7))
    given = delegations.delegate(nils, window, by=olga, at=NOON, pool=pool)
    with pytest.raises(DomainError, match="decides for you at that time already"):
        delegations.delegate(nils, window, by=olga, at=NOON, pool=pool)
    with pytest.raises(DomainError, match="Only who gave it"):
        delegations.end_delegation(given, by=person("Dan"), at=LATER)
    delegations.end_delegation(given, by=olga, at=LATER)
    assert not olga.delegations_given.in_force_at(LATER).exists()
    delegations.delegate(nils, Window(LATER, window.end), by=olga, at=LATER, pool=pool)


@pytest.mark.parametrize(
    ("to", "start", "end", "sentence"),
    [
        ("Olga", 0, 1, "somebody else"),
        ("Gone", 0, 1, "no longer active"),
        ("Nils", -2, -1, "is over"),
    ],
)
def test_a_delegation_that_cannot_be_is_refused(
    olga: User, to: str, start: int, end: int, sentence: str
) -> None:
    someone = person(to)
    someone.is_active = to != "Gone"
    someone.save()
    window = Window(NOON + timedelta(days=start), NOON + timedelta(days=end))
    with pytest.raises(DomainError, match=sentence):
        delegations.delegate(someone, window, by=olga, at=NOON)


def test_all_of_waits_for_each_of_them(chat: Service, ada: User, olga: User, fay: User) -> None:
    publish(Stage("Both", ALL_OF, PEOPLE, 48, people=(olga.pk, fay.pk)))
    request = ask(chat, ada)
    approve(request, by=fay, note="", at=LATER)
    assert (request.state, request.stage, granted()) == ("in_review", 1, False)
    assert (inbox_of(fay), inbox_of(olga)) == ([], [request.pk])
    approve(request, by=olga, note="", at=LATER)
    assert (request.state, granted()) == ("approved", True)


def test_named_people_see_what_they_are_asked_and_an_id_is_never_half_of_another(
    chat: Service, ada: User
) -> None:
    named = person("Nils")
    others = [person(f"P{n}") for n in range(12)]
    publish(Stage("Named", ANY_OF, PEOPLE, 48, people=(named.pk,)))
    request = ask(chat, ada)
    assert inbox_of(named) == [request.pk]
    assert list(CapacityRequest.objects.visible_to(named)) == [request]
    assert [u for u in others if inbox_of(u)] == []


def test_fallback_approvers_may_answer_once_it_was_escalated(
    chat: Service, ada: User, pool: Pool
) -> None:
    publish(OWNERS)
    nils = person("Nils")
    pool.fallback_approvers.add(nils)
    request = ask(chat, ada)
    assert inbox_of(nils) == []
    with pytest.raises(DomainError, match="Only an owner"):
        approve(request, by=nils, note="", at=LATER)
    CapacityRequest.objects.update(escalated_at=LATER)
    request.refresh_from_db()
    assert inbox_of(nils) == [request.pk]
    approve(request, by=nils, note="", at=LATER)
    assert request.state == "approved"


def test_somebody_who_left_cannot_decide(chat: Service, ada: User, olga: User) -> None:
    publish(OWNERS)
    request = ask(chat, ada)
    User.objects.filter(pk=olga.pk).update(is_active=False)
    olga.refresh_from_db()
    with pytest.raises(DomainError, match="Only an owner"):
        approve(request, by=olga, note="", at=LATER)


def test_the_stage_that_opens_is_told_and_who_asked_is_told_of_the_end(
    chat: Service, ada: User, cleo: User, fay: User
) -> None:
    publish(OWNERS, MONEY)
    request = ask(chat, ada)
    approve(request, by=cleo, note="", at=LATER)
    approve(request, by=fay, note="Within budget.", at=LATER)
    told = Message.objects.order_by("pk").values_list("notice__event", "person__username")
    assert list(told) == [
        ("request.submitted", "cleo"),
        ("request.submitted", "fay"),
        ("request.approved", "ada"),
    ]
