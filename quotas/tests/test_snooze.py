"""Edits outside Headroom: adopted, written back or left alone for a while, each with a reason; and
the text for those who keep a deployment as code.
"""

from datetime import timedelta

import pytest

from portal.kernel.errors import DomainError
from portal.models import AuditRow, Message, User
from quotas.models import Change, GivenReason, Pool, Service
from quotas.selectors.stuck import Stuck, stuck_and_newest, stuck_changes
from quotas.services import change_news, drift
from quotas.tests.conftest import Browse, reconcile_at, sync, words_of
from quotas.tests.factories import NOON, FakeAzure, utc

DAY = timedelta(days=1)
LATER = NOON + 3 * DAY


@pytest.fixture
def edited(chat: Service, applying: Pool, azure: FakeAzure) -> Change:
    """chat was set to 130 in Azure; the ledger wants 100."""
    azure.edit("chat", 130)
    sync(azure, NOON)
    reconcile_at(azure, NOON)
    return Change.objects.get(state="needs_human")


def snooze(change: Change, by: User, *, until=LATER, reason: str = "A load test.") -> Change:
    return drift.snooze(change, until=until, by=by, reason=reason, at=NOON)


def test_a_snoozed_edit_is_left_alone_and_told_again_once_when_its_time_is_over(
    edited: Change, azure: FakeAzure, cleo: User
) -> None:
    snooze(edited, cleo)
    told = Message.objects.count()
    reconcile_at(azure, NOON + DAY)
    assert change_news.tell_of_stuck(at=NOON + 2 * DAY) == 0
    assert change_news.tell_of_snoozes_over(at=LATER - timedelta(minutes=1)) == 0
    assert (azure.writes, Message.objects.count()) == ([], told)
    assert change_news.tell_of_snoozes_over(at=LATER) == 1
    assert change_news.tell_of_snoozes_over(at=LATER + DAY) == 0
    row, why = AuditRow.objects.get(verb="drift.snoozed"), GivenReason.objects.get()
    assert (row.actor_id, row.detail) == (cleo.pk, {"until": LATER.isoformat(), "reason": why.pk})


def test_home_and_health_count_a_snoozed_edit_when_its_time_is_over_as_the_page_of_changes_does(
    edited: Change, cleo: User
) -> None:
    snooze(edited, cleo)
    early, one = LATER - timedelta(minutes=1), Stuck(drift=1, waiting=0, refused=0)
    assert stuck_changes(cleo, at=early).total == 0
    assert stuck_and_newest(cleo, most=3, at=early) == (Stuck(0, 0, 0), [])
    assert stuck_changes(cleo, at=LATER) == one
    assert stuck_and_newest(cleo, most=3, at=LATER) == (one, [edited])


def test_an_edit_that_changes_meanwhile_asks_anew(
    edited: Change, azure: FakeAzure, cleo: User
) -> None:
    snooze(edited, cleo)
    azure.edit("chat", 150)
    sync(azure, NOON + DAY)
    reconcile_at(azure, NOON + DAY)
    assert Change.objects.get(state="needs_human").snoozed_until is None


@pytest.mark.parametrize(
    ("until", "reason", "says"),
    [
        (LATER, "  ", "Say why"),
        (NOON, "Why.", "still to come"),
        (NOON + 30 * DAY + timedelta(seconds=1), "Why.", "within 30 days"),
    ],
)
def test_without_a_reason_or_for_too_long_it_is_refused(
    edited: Change, cleo: User, until, reason: str, says: str
) -> None:
    with pytest.raises(DomainError, match=says):
        snooze(edited, cleo, until=until, reason=reason)
    edited.refresh_from_db()
    assert edited.snoozed_until is None


@pytest.mark.parametrize("answer", [drift.adopt, drift.write_back])
@pytest.mark.parametrize(("reason", "says"), [(" ", "Say why"), ("x" * 201, "200 characters")])
def test_each_answer_to_an_edit_wants_a_reason_that_is_kept_whole(
    edited: Change, cleo: User, answer, reason: str, says: str
) -> None:
    with pytest.raises(DomainError, match=says):
        answer(edited, by=cleo, reason=reason, at=NOON)
    edited.refresh_from_db()
    assert (edited.state, GivenReason.objects.count()) == ("needs_human", 0)


def test_no_later_answer_takes_the_words_of_an_earlier_one(edited: Change, cleo: User) -> None:
    snooze(edited, cleo)
    drift.adopt(edited, by=cleo, reason="It stays.", at=LATER)
    kept = {row.pk: row.reason for row in edited.reasons.all()}
    audited = AuditRow.objects.filter(verb__startswith="drift.").order_by("pk")
    assert [kept[row.detail["reason"]] for row in audited] == ["A load test.", "It stays."]


def test_thirty_days_to_the_second_are_allowed(edited: Change, cleo: User) -> None:
    snooze(edited, cleo, until=NOON + 30 * DAY)
    assert Change.objects.get(pk=edited.pk).snoozed_until == NOON + 30 * DAY


def test_only_an_operator_of_the_pool_snoozes_and_only_an_edit(
    edited: Change, ada: User, cleo: User
) -> None:
    with pytest.raises(DomainError, match="Only an owner"):
        snooze(edited, ada)
    Change.objects.update(sentence="Azure does not promise it back.")
    edited.refresh_from_db()
    with pytest.raises(DomainError, match="Only what was changed outside"):
        snooze(edited, cleo)


def test_the_page_of_a_change_takes_each_answer_with_its_reason(
    browse: Browse, edited: Change, ada: User, cleo: User
) -> None:
    hers, address = browse(cleo), f"/changes/{edited.pk}/"
    asked = hers.get(address)
    assert "Your answer" in words_of(asked)
    assert "Your answer" not in words_of(browse(ada).get(address))
    typed = {"until": "2026-03-05", "reason": ""}
    form = hers.get(address).context["form"]
    assert (form["reason"].field.required, form["until"].field.required) == (True, False)
    refused = hers.post(f"{address}snooze/", typed)
    assert (refused.status_code, "Say why" in words_of(refused)) == (422, True)
    assert hers.post(f"{address}snooze/", {"reason": "Test."}).status_code == 422
    for answer in ("adopt", "write-back"):
        refused = hers.post(f"{address}{answer}/", {"reason": ""})
        assert (refused.status_code, "Say why" in words_of(refused)) == (422, True)
    assert hers.post(f"{address}snooze/", {**typed, "reason": "A load test"}).status_code == 302
    said = words_of(hers.get(address))
    assert "Nobody is asked until Thu 5 Mar, 00:00: A load test." in said
    assert hers.get("/changes/").context["found"].counts["waiting"] == 0
    hers.post(f"{address}write-back/", {"reason": "Enough"})
    edited.refresh_from_db()
    assert (edited.answered_by, edited.answer_reason, edited.snoozed_until) == (
        cleo, "Enough", None,
    )  # fmt: skip


def test_the_text_for_terraform_has_what_azure_has_and_leaves_it_alone(
    browse: Browse, edited: Change, cleo: User, dan: User, search: Service
) -> None:
    page = browse(cleo).get(f"/changes/{edited.pk}/")
    text = {each.id: each.text for each in page.context["page"].snippets}
    assert "capacity = 130" in text["terraform"]
    assert "ignore_changes = [sku[0].capacity]" in text["terraform"]
    assert "capacity: 130" in text["bicep"]
    assert browse(dan).get(f"/changes/{edited.pk}/").status_code == 404


def test_when_a_snooze_is_over_depends_on_the_persons_day(
    browse: Browse, edited: Change, cleo: User
) -> None:
    cleo.time_zone = "Europe/Amsterdam"
    cleo.save(update_fields=["time_zone"])
    typed = {"until": "2026-03-05", "reason": "A load test"}
    browse(cleo).post(f"/changes/{edited.pk}/snooze/", typed)
    edited.refresh_from_db()
    assert edited.snoozed_until == utc("2026-03-04 23:00")
