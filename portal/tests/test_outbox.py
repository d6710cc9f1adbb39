"""Telling: one notice for each event, in its own transaction, to those named and nobody else."""

from contextlib import suppress
from datetime import datetime
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, transaction

from portal import outbox
from portal.models import Letter, MailMode, MailWish, Message, Notice, User
from portal.outbox import Event
from portal.outbox.kinds import KINDS
from quotas.tests import factories

NOON = factories.NOON
FACTS: dict[str, Any] = {
    "service": "Chat assistant",
    "amount": "40k TPM",
    "by": "Cleo",
    "note": "Good luck.",
    "from_at": factories.utc("2026-03-03 10:00"),
    "until_at": factories.utc("2026-03-03 18:00"),
}


@pytest.fixture
def mail_is_on(settings: Any) -> None:
    settings.HEADROOM_MAIL_IS_ON = True


def approved(*people: User, at: datetime = NOON, **more: Any) -> Notice | None:
    return outbox.tell(
        Event.REQUEST_APPROVED,
        people,
        subject="request/12",
        url="/requests/12/",
        at=at,
        **{**FACTS, **more},
    )


def test_each_person_named_gets_one_message_and_nobody_else(ada: User, ben: User, dan: User):
    assert approved(ada, ben, ada) is not None
    assert set(Message.objects.values_list("person__username", flat=True)) == {"ada", "ben"}
    assert not Message.objects.visible_to(dan).exists()


def test_i10_the_same_event_is_told_once_however_often_it_is_told(ada: User, ben: User):
    assert approved(ada) is not None
    assert approved(ada, ben) is None
    assert (Notice.objects.count(), Message.objects.count()) == (1, 1)


def test_another_occurrence_of_the_same_event_is_told_again(ada: User):
    assert approved(ada, occurrence=1) is not None
    assert approved(ada, occurrence=2) is not None
    assert Notice.objects.count() == 2


def test_nothing_is_told_of_what_was_rolled_back(ada: User):
    with suppress(ZeroDivisionError), transaction.atomic():
        approved(ada)
        raise ZeroDivisionError
    assert not Notice.objects.exists()
    assert approved(ada) is not None


def test_nobody_to_tell_leaves_no_row_and_may_be_told_later(ada: User):
    ada.is_active = False
    ada.save(update_fields=["is_active"])
    assert approved(ada) is None
    assert not Notice.objects.exists()


def test_without_a_mail_server_there_are_messages_and_no_letters(ada: User):
    approved(ada)
    assert Message.objects.get().mail == MailMode.OFF
    assert not Letter.objects.exists()


def test_an_approval_is_mailed_at_once_unless_the_person_wants_it_otherwise(
    mail_is_on: None, ada: User, ben: User, cleo: User
):
    MailWish.objects.create(person=ben, event=Event.REQUEST_APPROVED, mode=MailMode.DIGEST)
    MailWish.objects.create(person=cleo, event=Event.REQUEST_APPROVED, mode=MailMode.OFF)
    approved(ada, ben, cleo)
    assert Letter.objects.get().person == ada
    assert list(Message.objects.for_digest().values_list("person", flat=True)) == [ben.pk]
    assert Message.objects.unread().visible_to(cleo).count() == 1


def test_no_letter_is_written_to_somebody_without_an_address(mail_is_on: None, ada: User):
    User.objects.update(email="")
    approved(ada)
    assert Message.objects.get().letter is None


def test_a_fact_that_the_sentence_needs_is_asked_for_by_name(ada: User):
    with pytest.raises(ValueError, match=r"request\.submitted cannot be told without due_at"):
        outbox.tell(Event.REQUEST_SUBMITTED, [ada], subject="x/1", url="/", at=NOON, **FACTS)


def test_every_event_has_a_sentence():
    assert set(KINDS) == set(Event)
    for kind in KINDS.values():
        assert kind.label
        assert kind.sentence.endswith((".", "}"))


@pytest.mark.django_db(transaction=True)
def test_i10_two_processes_that_tell_at_once_tell_once(ada: User):
    together, told = Barrier(2), []

    def run() -> None:
        together.wait()
        told.append(approved(ada))
        connection.close()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(notice is None for notice in told) == [False, True]
    assert Message.objects.count() == 1
