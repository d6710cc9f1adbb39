"""A limit that Azure moved asks, as whatever a sync finds: it stays so, or ask again later."""

from datetime import UTC, timedelta

import pytest
from django.urls import reverse

from portal.kernel.errors import DomainError
from portal.models import AuditRow, Message, User
from portal.outbox.wording import said
from quotas.models import Finding, LedgerEntry, Pool, PoolLimit, Service
from quotas.services import findings
from quotas.tests.conftest import Browse, sync, words_of
from quotas.tests.factories import NOON, FakeAzure

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LATER = NOON + 5 * MINUTE


def move(azure: FakeAzure, units: int, at=LATER) -> None:
    azure.limit_units = units
    sync(azure, at)


@pytest.fixture
def lowered(chat: Service, pool: Pool, azure: FakeAzure) -> Finding:
    """From 1,000 to 900 units."""
    move(azure, 900)
    return Finding.objects.get()


def test_a_lowered_limit_is_told_once_with_the_way_to_answer_it(
    lowered: Finding, azure: FakeAzure, pool: Pool
) -> None:
    sync(azure, LATER + MINUTE)
    assert (lowered.kind, lowered.was, lowered.now, lowered.pool) == ("limit", "1000", "900", pool)
    message = Message.objects.get(notice__event="pool.limit_changed")
    assert message.notice.url == reverse("finding", args=[lowered.pk])


def test_adopting_it_ends_the_question_and_takes_nothing(
    lowered: Finding, cleo: User, azure: FakeAzure
) -> None:
    entries = LedgerEntry.objects.count()
    findings.adopt(lowered, by=cleo, reason="We need no more.", at=LATER)
    lowered.refresh_from_db()
    assert (lowered.how, lowered.answered_by, lowered.ended_at) == ("adopted", cleo, LATER)
    assert LedgerEntry.objects.count() == entries
    assert AuditRow.objects.get(verb="finding.adopted").subject == f"pool/{lowered.pool_id}"
    move(azure, 800, LATER + MINUTE)
    again = Finding.objects.open().get()
    assert (again.was, again.now) == ("900", "800"), "the next move asks anew"


def test_azure_that_moves_it_back_closes_the_question(lowered: Finding, azure: FakeAzure) -> None:
    move(azure, 1000, LATER + MINUTE)
    lowered.refresh_from_db()
    assert (lowered.how, PoolLimit.objects.first().limit_units) == ("reverted", 1000)


def test_a_snoozed_limit_is_asked_about_again_once_and_at_once_where_it_moves_on(
    lowered: Finding, azure: FakeAzure, cleo: User
) -> None:
    until = NOON + 3 * DAY
    findings.snooze(lowered, until=until, by=cleo, reason="Quota is asked for.", at=LATER)
    told = Message.objects.count()
    assert findings.tell_of_snoozes_over(at=until - MINUTE) == 0
    assert [findings.tell_of_snoozes_over(at=until + n * DAY) for n in (0, 1)] == [1, 0]
    message = Message.objects.latest("pk")
    assert Message.objects.count() == told + 1
    assert said(message.notice, UTC, now=NOON).sentence == (
        "Azure lowered its limit from 1,000 units to 900 units. Say whether it stays so."
    )
    move(azure, 850, until + DAY)
    lowered.refresh_from_db()
    assert (lowered.now, lowered.snoozed_until) == ("850", None)


def test_who_does_not_operate_the_pool_neither_answers_nor_reads_it(
    browse: Browse, lowered: Finding, ada: User, dan: User
) -> None:
    with pytest.raises(DomainError, match="Only an owner of the pool"):
        findings.adopt(lowered, by=ada, reason="Fine.", at=LATER)
    for name in ("finding", "finding_adopt"):
        ask = browse(dan).get if name == "finding" else browse(dan).post
        assert ask(reverse(name, args=[lowered.pk])).status_code == 404


def test_its_page_says_what_each_answer_means(browse: Browse, lowered: Finding, cleo: User) -> None:
    hers, page = browse(cleo), reverse("finding", args=[lowered.pk])
    shown = words_of(hers.get(page))
    assert "Azure lowered its limit from 1,000 units to 900 units." in shown
    assert "what no longer fits stays at risk until it is given back" in shown
    assert "Headroom writes no limit." in shown
    listed = words_of(hers.get(reverse("changes")))
    assert "Nothing is to be written, but the limit of 1 pool moved." in listed
    told = hers.get(f"/api/v1/findings/{lowered.pk}/").json()
    assert (told["pool"], told["deployment"], told["was"]) == (lowered.pool_id, None, "1000")
    later = {"reason": "We asked for quota.", "until": "2026-03-05"}
    assert hers.post(reverse("finding_snooze", args=[lowered.pk]), later).status_code == 302
    hers.post(reverse("finding_adopt", args=[lowered.pk]), {"reason": "Fine."})
    lowered.refresh_from_db()
    assert (lowered.how, lowered.answer_reason) == ("adopted", "Fine.")


def test_a_limit_that_feeds_nothing_asks_nobody(pool: Pool, azure: FakeAzure) -> None:
    pool.deployments.update(gone_at=NOON)
    assert findings.note_limit(pool, 1000, 900, at=LATER) is None
    assert not Finding.objects.exists()
