"""Where somebody is gone: deputies act, fallback approvers take over, and nobody chooses them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from portal.kernel.errors import DomainError
from portal.kernel.windows import Window
from portal.models import AuditRow, Message, User
from quotas.domain.stages import ALL_OF, ANY_OF, PEOPLE, POOL_OWNERS, Stage
from quotas.models import CapacityRequest, Pool, Service
from quotas.selectors.ownerless import ownerless_services
from quotas.selectors.review_hours import reviews_of
from quotas.services import delegations, reminders, review_settings
from quotas.services.decisions import approve
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import NOON, person
from quotas.tests.test_stages import publish

DAYS_90 = timedelta(days=90)
MINUTE = timedelta(minutes=1)


def go(*people: User) -> None:
    """They were last seen 90 days before NOON."""
    User.objects.filter(pk__in=[who.pk for who in people]).update(last_seen_at=NOON - DAYS_90)
    for who in people:
        who.refresh_from_db()


def owned(pool: Pool, *owners: User, fallback: tuple[User, ...] = ()) -> None:
    pool.owners.set(owners)
    pool.fallback_approvers.set(fallback)


def test_where_the_owner_is_gone_the_deputy_asks(chat: Service, ada: User, ben: User) -> None:
    chat.deputy = ben
    chat.save()
    go(ada)
    chat.refresh_from_db()
    request = ask(chat, ben)
    assert request.state == CapacityRequest.State.IN_REVIEW  # not by itself: the owner is not there
    facts = request.evidence.get().facts["policy_facts"]
    assert facts["owner_is_active"] is False


def test_where_the_owner_and_the_deputy_are_gone_nobody_asks(
    chat: Service, ada: User, ben: User
) -> None:
    chat.deputy = ben
    chat.save()
    go(ada, ben)
    chat.refresh_from_db()
    with pytest.raises(DomainError, match="not been seen since 02 Dec 2025") as refused:
        ask(chat, ada)
    assert refused.value.code == "no_owner"
    assert not CapacityRequest.objects.exists()


def test_fallback_approvers_take_over_at_once_where_every_owner_is_gone(
    chat: Service, ada: User, pool: Pool
) -> None:
    olga, nils = person("Olga"), person("Nils")
    owned(pool, olga, fallback=(nils,))
    request = ask(chat, ada, units=60)
    assert reminders.remind_waiting(at=NOON + MINUTE) == 0  # Olga is there, and has time
    go(olga)
    with pytest.raises(DomainError, match="Only an owner"):
        approve(request, by=nils, note="", at=NOON + MINUTE)
    assert reminders.remind_waiting(at=NOON + MINUTE) == 1
    assert reminders.remind_waiting(at=NOON + 2 * MINUTE) == 0  # once
    request.refresh_from_db()
    assert list(CapacityRequest.objects.decidable_by(nils, at=NOON)) == [request]
    assert Message.objects.filter(person=nils, notice__event="request.escalated").count() == 1
    assert AuditRow.objects.filter(verb="burst.escalated").count() == 1
    assert approve(request, by=nils, note="", at=NOON + MINUTE).state == "approved"


def test_while_one_of_the_owners_is_there_nobody_else_is_asked(
    chat: Service, ada: User, pool: Pool
) -> None:
    olga, otto = person("Olga"), person("Otto")
    owned(pool, olga, otto, fallback=(person("Nils"),))
    ask(chat, ada, units=60)
    go(olga)
    assert reminders.remind_waiting(at=NOON + MINUTE) == 0


def test_a_pool_without_owners_of_its_own_is_the_platform_owners(
    chat: Service, ada: User, cleo: User, pool: Pool
) -> None:
    owned(pool, fallback=(person("Nils"),))
    ask(chat, ada, units=60)
    assert reminders.remind_waiting(at=NOON + MINUTE) == 0  # Cleo is there
    go(cleo)
    assert reminders.remind_waiting(at=NOON + MINUTE) == 1


def test_an_owner_who_asks_for_themselves_does_not_count_as_there(
    chat: Service, ada: User, pool: Pool
) -> None:
    olga = person("Olga")
    owned(pool, ada, olga, fallback=(person("Nils"),))
    ask(chat, ada, units=60)
    go(olga)
    assert reminders.remind_waiting(at=NOON + MINUTE) == 1


def test_fallback_approvers_who_are_gone_too_are_not_asked(
    chat: Service, ada: User, pool: Pool
) -> None:
    olga, nils = person("Olga"), person("Nils")
    owned(pool, olga, fallback=(nils,))
    request = ask(chat, ada, units=60)
    go(olga, nils)
    assert reminders.remind_waiting(at=NOON + MINUTE) == 0
    request.refresh_from_db()
    assert request.escalated_at is None


def test_where_all_have_to_agree_nobody_who_is_gone_is_waited_for(
    chat: Service, ada: User, pool: Pool
) -> None:
    olga, otto = person("Olga"), person("Otto")
    owned(pool, olga, otto)
    publish(Stage("Owners", ALL_OF, POOL_OWNERS, 48))
    go(otto)
    request = ask(chat, ada)
    assert approve(request, by=olga, note="", at=NOON).state == "approved"


def test_where_all_named_are_gone_they_can_still_come_back_and_answer(
    chat: Service, ada: User, pool: Pool
) -> None:
    olga = person("Olga")
    publish(Stage("Named", ALL_OF, PEOPLE, 48, people=(olga.pk,)))
    go(olga)
    request = ask(chat, ada)
    assert approve(request, by=olga, note="", at=NOON).state == "approved"


def test_somebody_who_is_gone_is_no_delegate(cleo: User, ben: User) -> None:
    go(ben)
    with pytest.raises(DomainError, match="Ben has not been seen since .* choose somebody else"):
        delegations.delegate(ben, Window(NOON, NOON + DAYS_90), by=cleo, at=NOON)


def test_somebody_who_is_gone_is_no_fallback_approver(pool: Pool, cleo: User, ben: User) -> None:
    go(ben)
    with pytest.raises(DomainError, match="counts as gone"):
        review_settings.set_reviews(pool, reviews_of(pool), fallback=[ben], by=cleo, at=NOON)
    assert not pool.fallback_approvers.exists()


def test_nobody_asks_on_behalf_of_somebody_who_is_gone(chat: Service, ada: User, ben: User) -> None:
    go(ben)
    with pytest.raises(DomainError, match="counts as gone"):
        ask(chat, ada, on_behalf_of=ben)


def test_a_policy_names_nobody_who_is_gone(ben: User) -> None:
    from quotas.domain.policy import DEFAULT
    from quotas.services import policy_drafts

    go(ben)
    content = DEFAULT.as_json()
    stage = Stage("Named", ANY_OF, PEOPLE, 48, people=(ben.pk,))
    content["rules"][-1]["stages"] = [stage.as_json()]
    (problem,) = policy_drafts.problems_of(content, at=NOON)
    assert f"nobody who is there has the number {ben.pk}" in problem.sentence


def test_the_forms_do_not_offer_who_is_gone(
    browse: Browse, pool: Pool, cleo: User, ben: User
) -> None:
    dan = person("Dan")
    User.objects.update(last_seen_at=NOON)
    go(ben)
    for page in (reverse("delegations"), reverse("pool_reviews", args=[pool.pk])):
        shown = words_of(browse(cleo).get(page))
        assert dan.display_name in shown
        assert ben.display_name not in shown


@pytest.fixture
def abandoned(chat: Service, search: Service, ada: User, ben: User, dan: User) -> Service:
    """Ada, who owns chat, and Dan, who owns search, are gone; Ben is the deputy of search."""
    search.deputy = ben
    search.save()
    go(ada, dan)
    return chat


def test_services_without_a_present_owner_are_named_to_platform_owners(
    abandoned: Service, browse: Browse, cleo: User
) -> None:
    found = ownerless_services(cleo, at=NOON)
    assert (found.count, found.unattended) == (2, 1)
    assert [name for name, _ in found.named] == ["Chat assistant", "Search"]  # nobody acts: first
    shown = words_of(browse(cleo).get(reverse("home")))
    assert "2 services have no present owner: Chat assistant, Search." in shown
    assert "For 1 of them nobody acts at all." in shown


def test_the_list_and_the_page_of_a_service_say_that_its_owner_is_gone(
    abandoned: Service, browse: Browse, cleo: User
) -> None:
    listed = words_of(browse(cleo).get(reverse("services")))
    assert "Ada (gone; nobody acts)" in listed
    assert "Dan (gone; Ben acts)" in listed
    page = words_of(browse(cleo).get(reverse("service", args=["search"])))
    assert "Ben, the deputy, acts for it until another owner is named." in page
    page = words_of(browse(cleo).get(reverse("service", args=["chat-assistant"])))
    assert "Nobody acts for it, so nothing more can be asked." in page


def test_a_retired_service_needs_no_owner(abandoned: Service, cleo: User) -> None:
    abandoned.lifecycle = Service.Lifecycle.RETIRED
    abandoned.save()
    assert ownerless_services(cleo, at=NOON).count == 1


def test_whoever_owns_no_platform_is_told_of_no_other_teams_services(
    abandoned: Service, browse: Browse, ben: User, fay: User
) -> None:
    for user in (ben, fay):
        assert "no present owner" not in words_of(browse(user).get(reverse("home")))


def test_while_all_are_there_nothing_is_said(chat: Service, browse: Browse, cleo: User) -> None:
    User.objects.update(last_seen_at=NOON)
    client: Client = browse(cleo)
    assert "no present owner" not in words_of(client.get(reverse("home")))
    assert "gone" not in words_of(client.get(reverse("service", args=["chat-assistant"])))
