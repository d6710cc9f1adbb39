"""A review's turns: parts, offers, questions, edits, drafts; what each holds, keeps and tells.

Ada asks for 120 units on top of 100, tomorrow 10 to 18; 700 of the pool's 1,000 are free.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window
from portal.models import AuditRow, Message, User
from quotas.domain.stages import ANY_OF, PEOPLE, Stage
from quotas.domain.states import TransitionNotAllowed
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Decision, LedgerEntry, Pool, Service
from quotas.selectors.managed import managed
from quotas.services import drafts, offers, questions, timeouts
from quotas.services.asking import draft_of
from quotas.services.decisions import approve, approve_largest_safe, part_of
from quotas.services.edits import edit
from quotas.services.requests import submit, withdraw
from quotas.tests.conftest import ask, draft
from quotas.tests.factories import NOON, person, utc
from quotas.tests.test_stages import MONEY, OWNERS, publish

LATER = NOON + timedelta(hours=1)
START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")


@pytest.fixture
def big(chat: Service, ada: User) -> CapacityRequest:
    return ask(chat, ada, units=120)


def burst_of(request: CapacityRequest) -> tuple[int, datetime, datetime]:
    entry = LedgerEntry.objects.get(request=request, kind="burst")
    return entry.units, entry.effective_from, entry.effective_until


def held_now(request: CapacityRequest, at: datetime = START) -> int:
    rows = LedgerEntry.objects.filter(request=request).in_force_at(at)
    return sum(row.units for row in rows)


def told(event: str) -> list[str]:
    rows = Message.objects.filter(notice__event=f"request.{event}").order_by("pk")
    return list(rows.values_list("person__username", flat=True))


# Parts (I7)


def test_i07_a_part_is_an_approval_and_lies_inside_what_was_asked(
    big: CapacityRequest, cleo: User
) -> None:
    part = part_of(big, units=60, ends_at=utc("2026-03-03 16:00"))
    approve(big, by=cleo, note="As much as there is.", at=LATER, part=part)
    assert burst_of(big) == (60, START, utc("2026-03-03 16:00"))
    assert big.decisions.get().outcome == "partial"


@pytest.mark.parametrize(
    "outside",
    [
        {"units": 121},
        {"units": 0},
        {"starts_at": utc("2026-03-03 09:59")},
        {"ends_at": utc("2026-03-03 18:01")},
    ],
)
def test_i07_what_is_not_inside_is_no_approval(
    big: CapacityRequest, cleo: User, outside: dict[str, object]
) -> None:
    with pytest.raises(DomainError, match="Anything else is an offer"):
        approve(big, by=cleo, note="", at=LATER, part=part_of(big, **outside))  # type: ignore[arg-type]
    assert not Decision.objects.exists()


def test_i07_a_later_stage_sees_what_the_first_left_and_cannot_widen_it(
    chat: Service, ada: User, cleo: User, fay: User
) -> None:
    publish(OWNERS, MONEY)
    request = ask(chat, ada)
    approve(request, by=cleo, note="", at=LATER, part=part_of(request, units=30))
    with pytest.raises(DomainError, match="at most 30,000"):
        approve(request, by=fay, note="", at=LATER, part=Terms(31, Window(START, END)))
    approve(request, by=fay, note="", at=LATER)
    assert burst_of(request)[0] == 30


def test_the_largest_safe_amount_is_what_fits_over_the_whole_window(
    big: CapacityRequest, search: Service, dan: User, cleo: User
) -> None:
    approve(ask(search, dan, units=620), by=cleo, note="", at=NOON)
    with pytest.raises(DomainError, match="80,000 tokens per minute would fit"):
        approve(big, by=cleo, note="", at=LATER)
    approve_largest_safe(big, by=cleo, note="", at=LATER)
    assert burst_of(big)[0] == 80


def test_where_nothing_fits_nothing_is_approved(big: CapacityRequest, cleo: User) -> None:
    Pool.objects.update(reserve_units=700)
    with pytest.raises(DomainError, match="Nothing is free over the whole window"):
        approve_largest_safe(big, by=cleo, note="", at=LATER)


# Offers


def offered(request: CapacityRequest, cleo: User, *, held: bool = True) -> CapacityRequest:
    """80 units, three hours later."""
    other = Window(utc("2026-03-03 13:00"), utc("2026-03-03 21:00"))
    terms = Terms(80, other)
    return offers.counter_offer(request, terms, by=cleo, note="Later?", at=LATER, held=held)


def test_an_offer_is_held_in_the_pool_and_not_in_azure(big: CapacityRequest, cleo: User) -> None:
    offered(big, cleo)
    assert big.state == "counter_offered"
    hold = LedgerEntry.objects.get(kind="hold")
    assert (hold.units, hold.effective_from) == (80, utc("2026-03-03 13:00"))
    wanted = {d.name: d.wanted for d in managed(at=utc("2026-03-03 14:00"))}
    assert wanted == {"chat": 100, "search": 200}
    assert told("counter_offered") == ["ada"]


def test_an_offer_is_accepted_in_one_click_and_granted_with_the_yes_of_who_made_it(
    big: CapacityRequest, ada: User, cleo: User
) -> None:
    offered(big, cleo)
    offers.accept(big, by=ada, at=LATER)
    assert big.state == "approved"
    assert burst_of(big) == (80, utc("2026-03-03 13:00"), utc("2026-03-03 21:00"))
    assert held_now(big, utc("2026-03-03 14:00")) == 80  # the hold is not counted beside it
    yes = big.decisions.get(outcome="approved")
    assert (yes.decided_by, yes.content_hash) == (cleo, big.content_hash)


def test_a_held_offer_cannot_be_taken_by_somebody_else_and_one_not_held_can(
    chat: Service, search: Service, ada: User, dan: User, cleo: User
) -> None:
    others = ask(search, dan, units=650)
    request = ask(chat, ada, units=120)
    offered(request, cleo)
    with pytest.raises(DomainError, match="do not fit"):
        approve(others, by=cleo, note="", at=LATER)
    offers.decline(request, by=ada, at=LATER)
    offered(request, cleo, held=False)
    Pool.objects.update(reserve_units=650)
    with pytest.raises(DomainError, match="do not fit"):
        offers.accept(request, by=ada, at=LATER)
    request.refresh_from_db()
    assert request.state == "counter_offered"


def test_a_declined_offer_frees_what_it_held_and_the_review_goes_on(
    big: CapacityRequest, ada: User, cleo: User
) -> None:
    offered(big, cleo)
    offers.decline(big, by=ada, at=LATER, note="Too late in the day.")
    assert (big.state, big.stage) == ("in_review", 1)
    assert held_now(big, utc("2026-03-03 14:00")) == 0
    assert told("answered") == ["cleo"]
    approve(big, by=cleo, note="Then as asked.", at=LATER)
    assert burst_of(big) == (120, START, END)


def test_i08_an_offer_that_nobody_answers_lapses_and_frees_what_it_held(
    big: CapacityRequest, cleo: User
) -> None:
    offered(big, cleo)
    due = utc("2026-03-03 20:45")
    assert big.deadline_at == due
    assert timeouts.time_out_overdue(at=due - timedelta(minutes=1)) == 0
    assert timeouts.time_out_overdue(at=due) == 1
    assert held_now(big, due) == 0
    assert told("timed_out") == ["ada"]


def test_withdrawing_frees_what_an_offer_held(big: CapacityRequest, ada: User, cleo: User) -> None:
    offered(big, cleo)
    withdraw(big, by=ada, at=LATER)
    assert (big.state, held_now(big, utc("2026-03-03 14:00"))) == ("withdrawn", 0)


def test_an_accepted_offer_of_more_is_asked_of_the_stages_before(
    chat: Service, ada: User, cleo: User, fay: User
) -> None:
    publish(OWNERS, MONEY)
    request = ask(chat, ada)
    approve(request, by=cleo, note="", at=LATER)
    more = Terms(50, request.window)
    offers.counter_offer(request, more, by=fay, note="Take more.", at=LATER)
    offers.accept(request, by=ada, at=LATER)
    assert (request.state, request.stage) == ("in_review", 1)
    approve(request, by=cleo, note="", at=LATER)
    assert (request.state, burst_of(request)[0]) == ("approved", 50)


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (Terms(120, Window(START, END)), "That is what was asked for"),
        (Terms(0, Window(START, END)), "Only for more capacity"),
        (Terms(900, Window(START, END)), "do not fit"),
        (Terms(80, Window(utc("2026-03-02 09:00"), END)), "has passed"),
        (Terms(80, Window(START, START + timedelta(days=40))), "31 days"),
    ],
)
def test_an_offer_that_cannot_be_is_refused(
    big: CapacityRequest, cleo: User, terms: Terms, sentence: str
) -> None:
    with pytest.raises(DomainError, match=sentence):
        offers.counter_offer(big, terms, by=cleo, note="", at=LATER)
    assert not LedgerEntry.objects.filter(kind="hold").exists()


def test_only_who_asked_answers_an_offer_or_a_question(
    big: CapacityRequest, cleo: User, ben: User
) -> None:
    offered(big, cleo)
    for verb in (offers.accept, offers.decline):
        with pytest.raises(DomainError, match="Only the person who asked"):
            verb(big, by=ben, at=LATER)
    with pytest.raises(DomainError, match="Only the person who asked"):
        questions.answer(big, by=cleo, note="So.", at=LATER)


# Questions


def test_a_question_waits_and_comes_back_to_the_stage_with_its_whole_time(
    big: CapacityRequest, ada: User, cleo: User
) -> None:
    questions.ask(big, by=cleo, note="How many people?", at=LATER)
    assert (big.state, told("asked")) == ("needs_info", ["ada"])
    with pytest.raises(DomainError, match="needs info already"):
        approve(big, by=cleo, note="", at=LATER)
    questions.answer(big, by=ada, note="Four hundred.", at=LATER)
    assert (big.state, big.stage) == ("in_review", 1)
    assert told("answered") == ["cleo"]
    approve(big, by=cleo, note="", at=LATER)
    outcomes = big.decisions.values_list("outcome", flat=True)
    assert list(outcomes) == ["asked", "answered", "approved"]


def test_a_question_or_an_answer_without_words_is_refused(
    big: CapacityRequest, ada: User, cleo: User
) -> None:
    with pytest.raises(DomainError, match="Write the question"):
        questions.ask(big, by=cleo, note=" ", at=LATER)
    with pytest.raises(TransitionNotAllowed):
        questions.answer(big, by=ada, note="Nobody asked.", at=LATER)


# Edits (I15)


def edited(request: CapacityRequest, by: User, **more: object) -> CapacityRequest:
    return edit(request, replace(draft_of(request), **more), by=by, at=LATER)  # type: ignore[arg-type]


@pytest.fixture
def half(chat: Service, ada: User, cleo: User, fay: User) -> CapacityRequest:
    """Approved by Cleo, waiting for Fay."""
    publish(OWNERS, MONEY)
    request = ask(chat, ada, units=120)
    return approve(request, by=cleo, note="", at=LATER)


@pytest.mark.parametrize(
    "raise_it",
    [
        {"units": 121},
        {"ends_at": utc("2026-03-03 18:01")},
        {"starts_at": utc("2026-03-03 09:59")},
        {"units": 60, "ends_at": utc("2026-03-03 19:00")},
        {"purpose": "Something else altogether."},
    ],
)
def test_i15_an_edit_that_raises_or_changes_the_words_voids_every_approval(
    half: CapacityRequest, ada: User, fay: User, cleo: User, raise_it: dict[str, object]
) -> None:
    edited(half, ada, **raise_it)
    assert (half.state, half.stage) == ("in_review", 1)
    with pytest.raises(DomainError, match="an owner of this pool"):
        approve(half, by=fay, note="", at=LATER)
    assert not LedgerEntry.objects.filter(request=half).exists()
    approve(half, by=cleo, note="Again.", at=LATER)
    approve(half, by=fay, note="", at=LATER)
    assert half.state == "approved"


@pytest.mark.parametrize(
    "lower_it",
    [
        {"units": 60},
        {"ends_at": utc("2026-03-03 17:00")},
        {"units": 60, "starts_at": utc("2026-03-03 11:00")},
    ],
)
def test_i15_an_edit_that_lowers_keeps_them_for_the_new_content(
    half: CapacityRequest, ada: User, fay: User, lower_it: dict[str, object]
) -> None:
    before = half.content_hash
    edited(half, ada, **lower_it)
    assert (half.state, half.stage) == ("in_review", 2)
    assert half.content_hash != before
    approve(half, by=fay, note="", at=LATER)
    assert burst_of(half)[0] == half.units


def test_i15_a_kept_part_stays_a_part(chat: Service, ada: User, cleo: User, fay: User) -> None:
    publish(OWNERS, MONEY)
    request = ask(chat, ada, units=120)
    approve(request, by=cleo, note="", at=LATER, part=part_of(request, units=40))
    edited(request, ada, units=90)
    approve(request, by=fay, note="", at=LATER)
    assert burst_of(request)[0] == 40


def test_i15_a_kept_part_of_which_nothing_is_asked_any_more_is_asked_again(
    chat: Service, ada: User, cleo: User, fay: User
) -> None:
    publish(OWNERS, MONEY)
    request = ask(chat, ada, units=120)
    morning = part_of(request, ends_at=utc("2026-03-03 12:00"))
    approve(request, by=cleo, note="", at=LATER, part=morning)
    edited(request, ada, starts_at=utc("2026-03-03 14:00"))
    assert request.stage == 1


def test_an_edit_may_lower_it_into_what_the_policy_grants_by_itself(
    big: CapacityRequest, ada: User, cleo: User
) -> None:
    questions.ask(big, by=cleo, note="Would 40 do?", at=LATER)
    edited(big, ada, units=40)
    assert (big.state, burst_of(big)[0]) == ("approved", 40)
    assert big.decisions.get(outcome="approved").decided_by is None


def test_i05_who_looked_at_the_old_content_cannot_approve_the_new(
    big: CapacityRequest, ada: User, cleo: User
) -> None:
    looked_at = CapacityRequest.objects.get(pk=big.pk)
    edited(big, ada, units=130)
    with pytest.raises(ChangedMeanwhile):
        approve(looked_at, by=cleo, note="", at=LATER)


def test_an_edit_that_is_none_or_makes_it_another_request_is_refused(
    big: CapacityRequest, ada: User, ben: User, cleo: User
) -> None:
    with pytest.raises(DomainError, match="Nothing is different"):
        edited(big, ada)
    with pytest.raises(DomainError, match="stay as they are"):
        edited(big, ada, kind="baseline", ends_at=None)
    with pytest.raises(DomainError, match="Only the person who asked"):
        edited(big, ben, units=130)
    approve(big, by=cleo, note="", at=LATER)
    with pytest.raises(DomainError, match="approved already"):
        edited(big, ada, units=130)


def test_a_stage_that_the_policy_no_longer_has_keeps_no_approval(
    half: CapacityRequest, ada: User, fay: User
) -> None:
    nils = person("Nils")
    publish(Stage("Owners", ANY_OF, PEOPLE, 48, people=(nils.pk,)), MONEY)
    edited(half, ada, units=60)
    assert half.stage == 1
    approve(half, by=nils, note="", at=LATER)
    approve(half, by=fay, note="", at=LATER)
    assert half.state == "approved"


# Drafts


def test_a_draft_is_its_writers_alone_until_it_is_sent(
    chat: Service, ada: User, ben: User, cleo: User
) -> None:
    saved = drafts.save_draft(draft(chat, purpose=""), by=ada, at=NOON)
    for other in (ben, cleo):
        assert not CapacityRequest.objects.visible_to(other).exists()
    assert list(CapacityRequest.objects.visible_to(ada)) == [saved]
    with pytest.raises(DomainError, match="Say what it is for"):
        submit(draft_of(saved), by=ada, at=LATER, saved=saved)
    saved.refresh_from_db()
    drafts.save_draft(draft(chat, units=30), by=ada, at=LATER, saved=saved)
    sent = submit(draft_of(saved), by=ada, at=LATER, saved=saved)
    assert (sent.pk, sent.state, sent.units) == (saved.pk, "approved", 30)
    verbs = list(
        AuditRow.objects.filter(subject=f"request/{saved.pk}").values_list("verb", flat=True)
    )
    assert sorted(verbs) == ["burst.approved", "burst.submitted", "draft.saved", "draft.saved"]


def test_i08_a_draft_ends_30_days_after_it_was_last_saved(chat: Service, ada: User) -> None:
    saved = drafts.save_draft(draft(chat), by=ada, at=NOON)
    drafts.save_draft(draft(chat, units=30), by=ada, at=LATER, saved=saved)
    due = LATER + timedelta(days=30)
    assert timeouts.time_out_overdue(at=due - timedelta(minutes=1)) == 0
    assert timeouts.time_out_overdue(at=due) == 1
    saved.refresh_from_db()
    assert saved.state == "timed_out"


def test_a_draft_is_deleted_for_good_and_only_by_its_writer(
    chat: Service, ada: User, cleo: User
) -> None:
    saved = drafts.save_draft(draft(chat), by=ada, at=NOON)
    with pytest.raises(DomainError, match="Only its writer"):
        drafts.delete_draft(saved, by=cleo, at=LATER)
    drafts.delete_draft(saved, by=ada, at=LATER)
    assert not CapacityRequest.objects.exists()


def test_what_was_sent_is_no_draft_any_more(big: CapacityRequest, ada: User) -> None:
    for verb in (drafts.delete_draft, lambda r, **k: drafts.save_draft(draft_of(r), saved=r, **k)):
        with pytest.raises(DomainError, match="sent already"):
            verb(big, by=ada, at=LATER)


# Late ones


def test_a_request_past_its_start_raises_an_alarm_once(big: CapacityRequest, cleo: User) -> None:
    assert timeouts.tell_late(at=START - timedelta(minutes=1)) == 0
    assert timeouts.tell_late(at=START) == timeouts.tell_late(at=START + timedelta(hours=1)) == 1
    assert told("late") == ["cleo"]


def test_what_is_asked_from_now_on_is_no_alarm_within_a_minute_nor_later(
    chat: Service, ada: User, cleo: User
) -> None:
    ask(chat, ada, units=120, starts_now=True)
    ask(chat, ada, units=120, starts_now=True, kind="baseline", ends_at=None, occasion="")
    assert CapacityRequest.objects.filter(state="in_review").count() == 2
    for later in (timedelta(minutes=1), timedelta(hours=30)):
        assert timeouts.tell_late(at=NOON + later) == 0
    assert told("late") == []


def test_an_edit_to_start_at_once_asks_anew_and_one_that_keeps_the_start_can_miss_it(
    big: CapacityRequest, ada: User
) -> None:
    asked_at = START - timedelta(hours=3)
    edit(big, replace(draft_of(big), starts_now=True), by=ada, at=asked_at)
    assert timeouts.tell_late(at=asked_at + timedelta(minutes=1)) == 0
    again = replace(draft_of(big), starts_at=START, starts_now=False)
    edit(big, again, by=ada, at=asked_at + timedelta(hours=1))
    assert timeouts.tell_late(at=START) == 1


def test_a_late_yes_clips_the_start_to_now(big: CapacityRequest, cleo: User) -> None:
    approve(big, by=cleo, note="", at=utc("2026-03-03 12:30"))
    assert burst_of(big) == (120, utc("2026-03-03 12:30"), END)
