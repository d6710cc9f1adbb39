"""What a sync finds besides capacity: deployments deleted or renamed, models upgraded."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import Message, User
from portal.outbox.wording import said
from quotas.models import CapacityRequest, Deployment, Finding, Pool, Service
from quotas.selectors.managed import managed
from quotas.selectors.rooms import room_of
from quotas.services import findings
from quotas.tests.conftest import Browse, sync, words_of
from quotas.tests.factories import ACCOUNT, NOON, FakeAzure, deployment_seen

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LATER = NOON + 5 * MINUTE
CHAT = f"{ACCOUNT}/deployments/chat"


def upgrade(azure: FakeAzure, version: str, at=LATER) -> None:
    azure.deployments[CHAT] = replace(azure.deployments[CHAT], model_version=version)
    sync(azure, at)


def delete(azure: FakeAzure, at=LATER) -> Finding:
    del azure.deployments[CHAT]
    sync(azure, at)
    return Finding.objects.get()


def held(name: str = "chat", at=LATER) -> int:
    rows = Deployment.objects.get(name=name).entries.applied().in_force_at(at)
    return sum(row.units for row in rows)


def told() -> int:
    return Message.objects.filter(notice__event="deployment.changed").count()


def test_an_upgraded_model_is_found_within_the_sync_told_once_and_adopted(
    chat: Service, azure: FakeAzure, cleo: User
) -> None:
    upgrade(azure, "2025-03-01")
    sync(azure, LATER + MINUTE)
    found = Finding.objects.get()
    assert (found.was, found.now, told()) == ("2024-11-20", "2025-03-01", 1)
    findings.adopt(found, by=cleo, reason="It is better.", at=LATER)
    with pytest.raises(ChangedMeanwhile):
        findings.adopt(found, by=cleo, reason="Me too.", at=LATER)
    found.refresh_from_db()
    assert (found.how, found.answered_by, found.answer_reason) == (
        "adopted", cleo, "It is better.",
    )  # fmt: skip
    assert held() == 100


def test_a_version_that_is_set_back_closes_what_was_found(chat: Service, azure: FakeAzure) -> None:
    upgrade(azure, "2025-03-01")
    upgrade(azure, "2024-11-20", LATER + MINUTE)
    assert Finding.objects.get().how == "reverted"


def test_all_that_was_found_is_counted_and_what_is_snoozed_comes_last(
    browse: Browse, chat: Service, cleo: User
) -> None:
    first = chat.deployments.get(name="chat")
    for number in range(12):
        first.pk, first.name = None, f"chat-{number}"
        first.resource_id = first.resource_key = f"/{number}"
        first.save(force_insert=True)
        Finding.objects.create(
            deployment=first, kind="version", was="1", now="2", found_at=NOON + number * MINUTE,
            snoozed_until=NOON + 900 * DAY if number > 8 else None,
        )  # fmt: skip
    page = browse(cleo).get("/changes/")
    assert "12 deployments in Azure are not what they were." in words_of(page)
    assert "2 more are not listed. List every one" in words_of(page)
    words = [row.status.word for row in page.context["findings"].rows]
    assert words == ["Needs an answer"] * 9 + ["Snoozed"]
    assert len(browse(cleo).get("/changes/?findings").context["findings"].rows) == 12


def test_the_first_sync_finds_nothing(pool: Pool) -> None:
    assert not Finding.objects.exists()


def test_a_deleted_deployment_asks_and_adopting_it_gives_back_what_it_held(
    granted: CapacityRequest, azure: FakeAzure, pool: Pool, cleo: User
) -> None:
    found = delete(azure)
    assert (found.kind, found.now, told(), held()) == ("deleted", "", 1, 100)
    findings.adopt(found, by=cleo, reason="Retired.", at=LATER)
    assert held() == 0
    assert held(at=granted.starts_at) == 0, "its bursts, too"
    assert room_of(pool).units == 1000
    assert not managed(at=LATER).filter(name="chat").exists()


def test_who_held_something_of_a_deleted_deployment_hears_that_it_is_given_back(
    granted: CapacityRequest, azure: FakeAzure, cleo: User
) -> None:
    findings.adopt(delete(azure), by=cleo, reason="Retired.", at=LATER)
    told_of = Message.objects.filter(notice__event="grant.given_back")
    message = told_of.get(notice__subject__startswith="request/")
    assert (message.person.username, message.notice.subject) == ("ada", f"request/{granted.pk}")
    assert said(message.notice, UTC, now=NOON).sentence == (
        "Cleo gave 60k TPM of Chat assistant back from Tue 3 Mar, 10:00 on. The deployment was "
        "deleted in Azure."
    )


def test_owners_of_a_service_hear_of_what_it_held_without_a_request(
    chat: Service, azure: FakeAzure, cleo: User
) -> None:
    findings.adopt(delete(azure), by=cleo, reason="Retired.", at=LATER)
    message = Message.objects.get(notice__event="grant.given_back")
    assert message.person == chat.owner
    assert said(message.notice, UTC, now=NOON).sentence == (
        "Cleo gave 100k TPM of Chat assistant back from Mon 2 Mar, 12:05 on. The deployment was "
        "deleted in Azure."
    )


def test_a_deployment_that_is_there_again_closes_what_was_found(
    chat: Service, azure: FakeAzure
) -> None:
    kept = azure.deployments[CHAT]
    delete(azure)
    azure.add(kept)
    sync(azure, LATER + MINUTE)
    assert Finding.objects.get().how == "reverted"
    assert held() == 100


def test_one_that_came_as_another_went_may_be_a_renaming(chat: Service, azure: FakeAzure) -> None:
    azure.add(deployment_seen("chat-2", 100))
    assert delete(azure).now == "chat-2"


def test_what_held_nothing_is_nobodys_question(pool: Pool, azure: FakeAzure) -> None:
    azure.add(deployment_seen("batch", 0))
    sync(azure, LATER)
    del azure.deployments[f"{ACCOUNT}/deployments/batch"]
    sync(azure, LATER + MINUTE)
    assert not Finding.objects.exists()


def test_it_is_snoozed_like_an_edit_and_told_again(
    chat: Service, azure: FakeAzure, ada: User, cleo: User
) -> None:
    found = delete(azure)
    with pytest.raises(DomainError, match="Say why"):
        findings.snooze(found, until=NOON + DAY, by=cleo, reason="", at=LATER)
    with pytest.raises(DomainError, match="Only an owner"):
        findings.snooze(found, until=NOON + DAY, by=ada, reason="Mine.", at=LATER)
    findings.snooze(found, until=NOON + DAY, by=cleo, reason="A move.", at=LATER)
    assert findings.tell_of_snoozes_over(at=NOON + DAY - MINUTE) == 0
    assert findings.tell_of_snoozes_over(at=NOON + DAY) == 1
    assert findings.tell_of_snoozes_over(at=NOON + 2 * DAY) == 0


def test_its_page_takes_the_answers_and_shows_how_to_have_it_as_it_was(
    browse: Browse, chat: Service, search: Service, azure: FakeAzure, ada: User, cleo: User, dan
) -> None:
    found = delete(azure, NOON)
    hers, address = browse(cleo), f"/findings/{found.pk}/"
    listed = words_of(hers.get("/changes/"))
    assert "1 deployment in Azure is not what it was." in listed
    assert "Found in Azure" in listed
    page = hers.get(address)
    assert "It is gone from Azure" in words_of(page)
    assert "--sku-capacity=100" in page.context["page"].snippets[0].text
    assert hers.post(f"{address}snooze/", {"reason": "A move."}).status_code == 422
    assert "Your answer" not in words_of(browse(ada).get(address))
    assert browse(ada).post(f"{address}adopt/").status_code == 422
    assert browse(dan).get(address).status_code == 404
    assert hers.post(f"{address}adopt/", {"reason": "Retired."}).status_code == 302
    assert "Adopted" in words_of(hers.get(address))
    assert "Found in Azure" not in words_of(hers.get("/changes/"))
