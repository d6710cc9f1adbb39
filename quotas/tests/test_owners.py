"""Naming another owner: by whom, whom, and that everybody concerned is told."""

import pytest
from django.urls import reverse

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import AuditRow, Message, User
from quotas.models import Membership, Service
from quotas.selectors.ownerless import ownerless_services
from quotas.services.owners import name_owners
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import AUDITOR, NOON, person, team
from quotas.tests.test_gone import go


@pytest.fixture
def eve(chat: Service) -> User:
    found = person("Eve")
    team("Atlas", member=found)
    return found


def test_another_owner_is_named_audited_and_told(
    chat: Service, ada: User, ben: User, eve: User, cleo: User
) -> None:
    go(ada)
    assert ownerless_services(cleo, at=NOON).count == 1
    name_owners(chat, owner=ben, deputy=eve, by=cleo, at=NOON)
    chat.refresh_from_db()
    assert (chat.owner, chat.deputy) == (ben, eve)
    assert ownerless_services(cleo, at=NOON).count == 0
    row = AuditRow.objects.get(verb="service.owners_named")
    assert (row.actor_id, row.detail) == (cleo.pk, {"owner": ben.pk, "deputy": eve.pk})
    told = Message.objects.filter(notice__event="service.owners_named")
    assert {message.person for message in told} == {ada, ben, eve}
    assert ask(chat, ben).service == chat


def test_the_same_again_changes_nothing(chat: Service, ada: User, ben: User, cleo: User) -> None:
    for _ in range(2):
        name_owners(chat, owner=ada, deputy=ben, by=cleo, at=NOON)
    assert AuditRow.objects.filter(verb="service.owners_named").count() == 1


@pytest.mark.parametrize(
    ("owner", "deputy", "code"),
    [
        ("Gone", "Ben", "owner_not_there"),
        ("Ben", "Gone", "deputy_not_there"),
        ("Dan", "Ben", "owner_not_there"),
        ("Ben", "Ben", "deputy_is_owner"),
    ],
)
def test_only_two_people_of_the_team_who_are_there(
    chat: Service, cleo: User, owner: str, deputy: str, code: str
) -> None:
    gone = person("Gone")
    team("Atlas", member=gone)
    go(gone)
    with pytest.raises(DomainError) as refused:
        name_owners(chat, owner=person(owner), deputy=person(deputy), by=cleo, at=NOON)
    assert refused.value.code == code
    assert not AuditRow.objects.filter(verb="service.owners_named").exists()


@pytest.mark.parametrize(
    ("who", "may"), [("Ada", True), ("Ben", False), ("Dan", False), ("Audrey", False)]
)
def test_a_lead_names_them_and_no_mere_member_no_other_team_no_auditor(
    chat: Service, ada: User, ben: User, eve: User, dan: User, who: str, may: bool
) -> None:
    by = person("Audrey", AUDITOR) if who == "Audrey" else person(who)
    if may:
        assert name_owners(chat, owner=ben, deputy=eve, by=by, at=NOON).owner == ben
        return
    with pytest.raises(DomainError, match="Only a lead of Atlas"):
        name_owners(chat, owner=ben, deputy=eve, by=by, at=NOON)


def test_where_somebody_else_was_first_nothing_is_overwritten(
    chat: Service, ada: User, ben: User, eve: User, cleo: User
) -> None:
    seen = Service.objects.get(pk=chat.pk)
    name_owners(chat, owner=ben, deputy=eve, by=ada, at=NOON)
    with pytest.raises(ChangedMeanwhile):
        name_owners(seen, owner=eve, deputy=ben, by=cleo, at=NOON)


def test_on_the_page_of_the_service_and_by_the_api(
    browse: Browse, chat: Service, ada: User, ben: User, eve: User, dan: User
) -> None:
    page = reverse("service_owners", args=[chat.slug])
    client = browse(ada)
    assert page in client.get(chat.get_absolute_url()).content.decode()
    wrong = client.post(page, {"owner": ben.pk, "deputy": ben.pk})
    assert (wrong.status_code, "another person as deputy" in words_of(wrong)) == (422, True)
    assert client.post(page, {"owner": dan.pk, "deputy": ben.pk}).status_code == 422
    done = client.post(page, {"owner": eve.pk, "deputy": ben.pk}, follow=True)
    assert "Eve answers for Chat assistant now." in words_of(done)
    api = reverse("api_service_owners", args=[chat.slug])
    answer = client.post(api, {"owner": "ben", "deputy": "eve"}, content_type="application/json")
    assert answer.json() == {"service": "chat-assistant", "owner": "ben", "deputy": "eve"}
    for other in (page, api):
        assert browse(dan).post(other, {"owner": "dan", "deputy": "dan"}).status_code == 404
    Membership.objects.filter(user=ada).delete()
    assert browse(ada).get(page).status_code == 404
