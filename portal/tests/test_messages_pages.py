"""The bell, the list of messages, reading, and what comes by mail: each person's own."""

import pytest

from portal import outbox
from portal.models import MailWish, Message, User
from portal.outbox import Event
from portal.outbox.kinds import KINDS
from portal.tests.test_pages import INLINE
from quotas.tests.conftest import Browse, words_of
from quotas.tests.factories import NOON, utc

pytestmark = pytest.mark.django_db


def tell(*people: User, number: int = 12, service: str = "Chat assistant") -> Message:
    outbox.tell(
        Event.REQUEST_APPROVED,
        people,
        subject=f"request/{number}",
        url=f"/requests/{number}/",
        at=NOON,
        service=service,
        amount="40k TPM",
        by="Cleo",
        note="",
        from_at=utc("2026-03-03 10:00"),
        until_at=utc("2026-03-03 18:00"),
    )
    return Message.objects.latest("pk")


def test_the_bell_counts_what_is_unread_on_every_page(browse: Browse, ada: User):
    tell(ada)
    tell(ada, number=13)
    page = browse(ada).get("/glossary/").content.decode()
    assert 'aria-label="Messages, 2 unread"' in page
    Message.objects.update(read_at=NOON)
    assert 'aria-label="Messages"' in browse(ada).get("/glossary/").content.decode()


def test_the_list_says_what_happened_in_the_readers_zone(browse: Browse, ada: User):
    ada.time_zone = "Asia/Tokyo"
    ada.save(update_fields=["time_zone"])
    tell(ada, service="<b>Chat</b>")
    answer = browse(ada).get("/messages/")
    words = words_of(answer)
    assert "1 message you have not read." in words
    assert (
        "Approved by Cleo: 40k TPM for <b>Chat</b>, Tue 3 Mar, 19:00 – Wed 4 Mar, 03:00." in words
    )
    assert "&lt;b&gt;Chat&lt;/b&gt;" in answer.content.decode()
    assert INLINE.findall(answer.content.decode()) == []


def test_dan_of_another_team_sees_opens_and_marks_nothing_of_adas(
    browse: Browse, ada: User, dan: User
):
    message = tell(ada)
    his = browse(dan)
    assert "No messages yet" in words_of(his.get("/messages/"))
    assert his.get(f"/messages/{message.pk}/").status_code == 404
    assert his.post(f"/messages/{message.pk}/read/").status_code == 404
    his.post("/messages/read/", {"newest": message.pk})
    assert his.get("/api/v1/messages/").json()["results"] == []
    assert his.post(f"/api/v1/messages/{message.pk}/read/").status_code == 404
    assert Message.objects.get().read_at is None


def test_nor_does_a_role_that_reads_everything(browse: Browse, ada: User, fay: User):
    message = tell(ada)
    assert "No messages yet" in words_of(browse(fay).get("/messages/"))
    assert browse(fay).get(f"/messages/{message.pk}/").status_code == 404


def test_opening_a_message_leads_on_and_marks_it_read_once(browse: Browse, ada: User, noon):
    message = tell(ada)
    answer = browse(ada).get(f"/messages/{message.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, "/requests/12/")
    noon.move_to(utc("2026-03-02 13:00"))
    browse(ada).get(f"/messages/{message.pk}/")
    assert Message.objects.get().read_at == NOON


def test_one_is_marked_as_read_by_its_button(browse: Browse, ada: User):
    message = tell(ada)
    tell(ada, number=13)
    browse(ada).post(f"/messages/{message.pk}/read/")
    assert list(Message.objects.unread().values_list("notice__subject", flat=True)) == [
        "request/13"
    ]
    words = words_of(browse(ada).get("/messages/?unread=1"))
    assert words.count("gets 40k TPM") == 1


def test_all_are_read_but_what_came_after_the_page_was_looked_at(browse: Browse, ada: User):
    seen = tell(ada)
    tell(ada, number=13)
    browse(ada).post("/messages/read/", {"newest": seen.pk})
    assert Message.objects.unread().count() == 1
    browse(ada).post("/messages/read/", {"newest": "odd"})
    assert Message.objects.unread().count() == 1


def test_long_lists_come_by_pages_with_few_queries(
    browse: Browse, ada: User, django_assert_max_num_queries
):
    for number in range(60):
        tell(ada, number=number)
    hers = browse(ada)
    with django_assert_max_num_queries(4):
        first = hers.get("/messages/")
    assert first.content.decode().count("row-link") == 50
    second = hers.get(f"/messages/?before={Message.objects.order_by('-pk')[49].pk}")
    assert second.content.decode().count("row-link") == 10


def test_choices_are_kept_and_the_usual_is_kept_as_no_choice(browse: Browse, ada: User):
    hers = browse(ada)
    hers.post("/messages/mail/", {"request.approved": "digest", "burst.applied": "digest"})
    wish = MailWish.objects.get()
    assert (wish.event, wish.mode) == ("request.approved", "digest")
    page = hers.get("/messages/mail/").content.decode()
    assert '<option value="digest" selected>Once a day</option>' in page
    hers.post("/messages/mail/", {"request.approved": "at_once", "burst.ended": "never"})
    assert not MailWish.objects.exists()


def test_pools_to_operate_are_asked_of_their_operators_only(browse: Browse, ada: User, cleo: User):
    label = KINDS[Event.DRIFT_FOUND].label
    assert label in words_of(browse(cleo).get("/messages/mail/"))
    assert label not in words_of(browse(ada).get("/messages/mail/"))
    browse(ada).post("/messages/mail/", {"drift.found": "off"})
    assert not MailWish.objects.exists()


def test_the_page_says_whether_mail_is_sent_at_all(browse: Browse, ada: User, settings):
    assert "No mail is sent here" in words_of(browse(ada).get("/messages/mail/"))
    settings.HEADROOM_MAIL_IS_ON = True
    assert "Mail goes to ada@example.com." in words_of(browse(ada).get("/messages/mail/"))
    User.objects.update(email="")
    assert "no address of yours is known" in words_of(browse(ada).get("/messages/mail/"))


def test_the_api_lists_and_marks_ones_own(browse: Browse, ada: User):
    message = tell(ada)
    hers = browse(ada)
    [row] = hers.get("/api/v1/messages/?unread=1").json()["results"]
    assert row["event"] == "request.approved"
    assert row["title"] == "Chat assistant gets 40k TPM"
    assert row["read_at"] is None
    assert hers.post(f"/api/v1/messages/{message.pk}/read/").json()["read_at"]
    assert hers.get("/api/v1/messages/?unread=1").json()["results"] == []
