"""Letters through a real SMTP server: each once, whatever the server or the sender does."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from portal import outbox
from portal.models import Letter, MailMode, MailWish, Message, User
from portal.outbox import Event, delivery, digests
from portal.outbox.delivery import GIVE_UP_AFTER, deliver_due, wait_after
from portal.outbox.health import mail_health
from portal.tests import mail_server
from portal.tests.mail_server import MailServer
from quotas.tests.factories import NOON, person, utc

State = Letter.State
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server.running(settings) as running:
        yield running


def approved(*people: User, at=NOON, occurrence: object = "", note: str = "Good luck.") -> None:
    outbox.tell(
        Event.REQUEST_APPROVED,
        people,
        subject="request/12",
        url="/requests/12/",
        at=at,
        occurrence=occurrence,
        service="Chat <assistant>",
        amount="40k TPM",
        by="Cleo",
        note=note,
        from_at=utc("2026-03-03 10:00"),
        until_at=utc("2026-03-03 18:00"),
    )


def letter() -> Letter:
    return Letter.objects.get()


def parts_of(mail) -> tuple[str, str]:
    plain, html = (part.get_payload(decode=True).decode() for part in mail.get_payload())
    return plain, html


def test_a_letter_is_sent_once_in_plain_text_and_html_with_times_of_its_reader(server, ada):
    ada.time_zone = "Europe/Amsterdam"
    ada.save(update_fields=["time_zone"])
    approved(ada, note="Good\r\nluck.")
    assert deliver_due(at=NOON).sent == 1
    assert deliver_due(at=NOON).sent == 0
    [mail] = server.received
    plain, html = parts_of(mail)
    assert mail["To"] == "ada@example.com"
    assert mail["Subject"] == "Headroom: Chat <assistant> gets 40k TPM"
    assert "Tue 3 Mar, 11:00–19:00. Good luck." in plain
    assert "Times are in Europe/Amsterdam." in plain
    link = f"https://headroom.example.com/messages/{Message.objects.get().pk}/"
    assert link in plain
    assert f'<a href="{link}">Chat &lt;assistant&gt; gets 40k TPM</a>' in html
    assert letter().state == State.SENT
    assert mail_health(at=NOON).is_well


def test_a_server_that_is_not_there_keeps_letters_waiting_longer_each_time(server, settings, ada):
    approved(ada)
    settings.EMAIL_PORT = 1
    assert deliver_due(at=NOON).postponed == 1
    assert letter().not_before == NOON + MINUTE
    assert deliver_due(at=NOON).postponed == 0
    assert deliver_due(at=NOON + MINUTE).postponed == 1
    assert letter().not_before == NOON + 3 * MINUTE
    health = mail_health(at=NOON + 2 * MINUTE)
    assert (health.is_well, health.failing, health.failing_since) == (False, 1, NOON)
    assert "refused" in health.problem


def test_waits_grow_to_four_hours_and_no_more():
    waits = [wait_after(attempts) for attempts in range(1, 12)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (MINUTE, timedelta(hours=4))


def test_what_the_server_refuses_for_now_is_sent_when_it_no_longer_does(server, ada):
    server.answer_to_data = "452 The disk is full"
    approved(ada)
    deliver_due(at=NOON)
    assert (letter().state, letter().problem) == (State.WAITING, "452 The disk is full")
    server.answer_to_data = "250 OK"
    assert deliver_due(at=NOON + MINUTE).sent == 1
    assert len(server.received) == 1
    assert mail_health(at=NOON + MINUTE).is_well


def test_an_address_that_does_not_exist_is_given_up_at_once_and_is_no_other_letters_fault(
    server, ada, ben
):
    approved(ada)
    server.answer_to_recipient = "550 No such user"
    deliver_due(at=NOON)
    server.answer_to_recipient = "250 OK"
    approved(ben, occurrence=2)
    assert deliver_due(at=NOON).sent == 1
    assert server.to == ["ben@example.com"]
    health = mail_health(at=NOON)
    assert (health.lost, health.failing, health.problem) == (1, 0, "550 No such user")


def test_after_three_days_it_is_given_up_with_an_alarm_for_a_week(server, settings, ada):
    approved(ada)
    settings.EMAIL_PORT = 1
    deliver_due(at=NOON)
    late = NOON + GIVE_UP_AFTER
    deliver_due(at=late)
    assert letter().state == State.GIVEN_UP
    assert letter().problem.startswith("It could not be sent for 3 days. The last answer:")
    assert mail_health(at=late + timedelta(days=7)).lost == 1
    assert mail_health(at=late + timedelta(days=7, minutes=1)).is_well


def test_a_server_too_slow_to_answer_may_have_taken_it_so_it_is_never_sent_again(
    server, settings, ada
):
    settings.EMAIL_TIMEOUT = 0.2
    server.seconds_before_answer = 0.6
    approved(ada)
    assert deliver_due(at=NOON).ended == 1
    assert letter().state == State.UNSURE
    server.seconds_before_answer = 0
    assert deliver_due(at=NOON + timedelta(hours=5)).sent == 0
    assert mail_health(at=NOON).unsure == 1


def test_a_line_that_breaks_after_the_text_is_not_tried_again_and_the_others_wait(server, ada, ben):
    server.hangs_up_after_data = True
    approved(ada, ben)
    assert deliver_due(at=NOON).ended == 1
    server.hangs_up_after_data = False
    assert deliver_due(at=NOON).sent == 1
    assert server.to == ["ada@example.com", "ben@example.com"]


def test_i10_a_sender_that_dies_after_the_mail_went_out_never_makes_a_second_one(
    server, ada, monkeypatch
):
    class Died(BaseException):
        pass

    def die(*_: object, **__: object) -> int:
        raise Died

    approved(ada)
    with monkeypatch.context() as patched:
        patched.setattr(delivery, "_end", die)
        with pytest.raises(Died):
            deliver_due(at=NOON)
    assert letter().state == State.SENDING
    assert deliver_due(at=NOON + MINUTE).sent == 0
    Letter.objects.update(taken_at=letter().taken_at - timedelta(minutes=16))
    assert deliver_due(at=NOON + MINUTE).ended == 1
    assert letter().state == State.UNSURE
    assert server.to == ["ada@example.com"]


def test_somebody_who_left_meanwhile_gets_no_letter_and_raises_no_alarm(server, ada):
    approved(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    deliver_due(at=NOON)
    assert letter().state == State.NOT_NEEDED
    assert server.received == []
    assert mail_health(at=NOON).is_well


def test_without_a_mail_server_nothing_is_sent_and_the_health_page_says_so(settings, ada):
    approved(ada)
    assert deliver_due(at=NOON).sent == 0
    assert not mail_health(at=NOON).is_on


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_every_letter_once(server):
    people = [person(f"Person{number}") for number in range(12)]
    approved(*people)
    together, sent = Barrier(2), []

    def run() -> None:
        together.wait()
        sent.append(deliver_due(at=NOON).sent)
        connection.close()

    workers = [Thread(target=run) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(sent) == 12
    assert server.to == sorted(each.email for each in people)


def test_a_days_messages_come_in_one_letter_at_seven_in_the_readers_morning(server, ada):
    ada.time_zone = "America/New_York"
    ada.save(update_fields=["time_zone"])
    MailWish.objects.create(person=ada, event=Event.REQUEST_APPROVED, mode=MailMode.DIGEST)
    for number in range(3):
        approved(ada, occurrence=number)
    Message.objects.filter(notice__key__endswith=":2").update(read_at=NOON)
    assert digests.make_digests(at=utc("2026-03-03 11:59")) == 0
    assert digests.make_digests(at=utc("2026-03-03 12:00")) == 1
    assert digests.make_digests(at=utc("2026-03-03 12:00")) == 0
    deliver_due(at=utc("2026-03-03 12:00"))
    [mail] = server.received
    assert mail["Subject"] == "Headroom: 2 messages since yesterday"
    assert parts_of(mail)[0].count("gets 40k TPM") == 2


def test_what_was_read_in_the_portal_needs_no_digest(server, ada):
    MailWish.objects.create(person=ada, event=Event.REQUEST_APPROVED, mode=MailMode.DIGEST)
    approved(ada)
    Message.objects.update(read_at=NOON)
    assert digests.make_digests(at=NOON + timedelta(days=2)) == 0
    assert not Message.objects.for_digest().exists()


@pytest.mark.parametrize(
    ("told", "morning"),
    [
        ("2026-03-28 05:59", "2026-03-28 06:00"),  # winter: 07:00 is 06:00 UTC
        ("2026-03-28 06:00", "2026-03-29 05:00"),  # the clock goes forward in between
        ("2026-10-24 05:00", "2026-10-25 06:00"),  # and back
    ],
)
def test_seven_is_seven_by_the_wall_clock_also_when_it_changes(told, morning):
    from zoneinfo import ZoneInfo

    assert digests.morning_after(utc(told), ZoneInfo("Europe/Amsterdam")) == utc(morning)
