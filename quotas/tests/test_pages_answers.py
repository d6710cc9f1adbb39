"""The requester's side of a review: an offer, a question, giving a part back, and the whole story.

Ada asks for 60 units on top of 100, tomorrow 10 to 18.
"""

import pytest
from django.urls import reverse

from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, LedgerEntry, Pool, Service
from quotas.services import decisions, delegations, offers, questions, timeouts
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import NOON, utc
from quotas.tests.test_stages import MONEY, OWNERS, publish

AFTERNOON = Window(utc("2026-03-03 13:00"), utc("2026-03-03 21:00"))


def at(name: str, request: CapacityRequest) -> str:
    return reverse(f"request_{name}", args=[request.pk])


def state_of(request: CapacityRequest) -> str:
    return str(CapacityRequest.objects.get(pk=request.pk).state)


def titles(answer) -> list[str]:
    return [event["title"] for event in answer.context["page"].events]


@pytest.fixture
def offered(waiting: CapacityRequest, cleo: User) -> CapacityRequest:
    """50 units, three hours later, held."""
    return offers.counter_offer(waiting, Terms(50, AFTERNOON), by=cleo, note="Later?", at=NOON)


@pytest.fixture
def asked_about(waiting: CapacityRequest, cleo: User) -> CapacityRequest:
    return questions.ask(waiting, by=cleo, note="How many people?", at=NOON)


def test_an_offer_is_shown_and_accepted_in_one_click(
    browse: Browse, offered: CapacityRequest, ada: User
):
    hers = browse(ada)
    shown = words_of(hers.get(offered.get_absolute_url()))
    assert "Cleo offers +50k TPM, Tue 3 Mar, 13:00–21:00" in shown
    assert "Later?" in shown
    assert "The room is kept for it until" in shown
    assert "it waits for your answer" in shown
    answer = hers.post(at("accept", offered), follow=True)
    assert f"The offer is accepted: request #{offered.pk} is approved." in words_of(answer)
    assert LedgerEntry.objects.get(request=offered, kind="burst").units == 50
    assert titles(answer)[:3] == ["Asked", "Offered something else", "Accepted the offer"]


def test_an_offer_that_holds_nothing_says_that_it_may_be_gone(
    browse: Browse, waiting: CapacityRequest, ada: User, cleo: User
):
    terms = Terms(50, AFTERNOON)
    offers.counter_offer(waiting, terms, by=cleo, note="", at=NOON, held=False)
    shown = words_of(browse(ada).get(waiting.get_absolute_url()))
    assert "No room is kept for it: it may be gone." in shown


def test_a_declined_offer_puts_the_request_back_into_review(
    browse: Browse, offered: CapacityRequest, ada: User
):
    answer = browse(ada).post(at("decline", offered), {"note": "Too late."}, follow=True)
    assert "what you asked for is in review again" in words_of(answer)
    assert state_of(offered) == "in_review"
    declined = answer.context["page"].events[2]
    assert (declined["title"], declined["text"]) == ("Declined the offer", "Too late.")


def test_a_question_is_shown_and_answered(
    browse: Browse, asked_about: CapacityRequest, ada: User, cleo: User
):
    hers = browse(ada)
    assert "Cleo asks How many people?" in words_of(hers.get(asked_about.get_absolute_url()))
    silent = hers.post(at("answer", asked_about), {"note": " "})
    assert (silent.status_code, "Write the answer" in words_of(silent)) == (422, True)
    answer = hers.post(at("answer", asked_about), {"note": "Four hundred."}, follow=True)
    assert state_of(asked_about) == "in_review"
    assert "Four hundred." in words_of(answer)
    assert len(browse(cleo).get(reverse("inbox")).context["inbox"].cards) == 1


def test_only_who_asked_answers_and_a_team_mate_only_reads(
    browse: Browse, offered: CapacityRequest, ben: User, dan: User
):
    his = browse(ben)
    shown = words_of(his.get(offered.get_absolute_url()))
    assert "Cleo offers" in shown
    assert "Accept the offer" not in shown
    for name in ("accept", "decline"):
        refused = his.post(at(name, offered))
        assert (refused.status_code, "Only the person who asked" in words_of(refused)) == (
            422,
            True,
        )
        assert browse(dan).post(at(name, offered)).status_code == 404
    assert state_of(offered) == "counter_offered"


@pytest.mark.parametrize("name", ["accept", "decline", "answer"])
def test_where_nothing_waits_nothing_is_answered(
    browse: Browse, waiting: CapacityRequest, ada: User, name: str
):
    answer = browse(ada).post(at(name, waiting), {"note": "Yes."})
    assert answer.status_code == 422
    assert state_of(waiting) == "in_review"


def test_a_part_is_given_back_and_the_rest_stays(
    browse: Browse, granted: CapacityRequest, ada: User, noon
):
    noon.move_to(utc("2026-03-03 12:00"))
    hers = browse(ada)
    answer = hers.post(at("give_back", granted), {"amount": "20k"}, follow=True)
    assert "the ledger holds that much less of it" in words_of(answer)
    held = LedgerEntry.objects.filter(request=granted).in_force_at(utc("2026-03-03 12:00"))
    assert sum(row.units for row in held) == 40
    given = next(e for e in answer.context["page"].events if e["title"].startswith("Give-back"))
    assert given["by"] == "Ada"
    assert "−20k TPM" in given["text"]
    row = answer.context["row"]
    assert (str(row.amount), row.grant.given_back_at) == ("40k TPM", None)
    assert answer.context["page"].may_give_back


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [("some", "Write a whole number"), ("0", "more than nothing"), ("90k", "Only 60,000")],
)
def test_an_amount_that_cannot_go_back_says_why(
    browse: Browse, granted: CapacityRequest, ada: User, amount: str, sentence: str
):
    answer = browse(ada).post(at("give_back", granted), {"amount": amount})
    assert (answer.status_code, sentence in words_of(answer)) == (422, True)
    assert not LedgerEntry.objects.filter(request=granted, units__lt=0).exists()


def test_a_grant_in_part_is_shown_as_it_was_granted(
    browse: Browse, waiting: CapacityRequest, ada: User, cleo: User
):
    part = decisions.part_of(waiting, units=30, ends_at=utc("2026-03-03 16:00"))
    decisions.approve(waiting, by=cleo, note="As much as there is.", at=NOON, part=part)
    answer = browse(ada).get(waiting.get_absolute_url())
    assert "is approved for Chat assistant" in words_of(answer)
    assert "+30k TPM, Tue 3 Mar, 10:00–16:00" in words_of(answer)
    decided = answer.context["page"].events[1]
    assert decided["title"] == "Approved in part"
    assert decided["text"] == "30k TPM, Tue 3 Mar, 10:00–16:00. As much as there is."


def test_the_story_names_stages_delegates_and_what_time_does_next(
    browse: Browse, chat: Service, ada: User, cleo: User, dan: User
):
    publish(OWNERS, MONEY)
    request = ask(chat, ada)
    week = Window(NOON, utc("2026-03-09 12:00"))
    delegations.delegate(dan, week, by=cleo, at=NOON)
    decisions.approve(request, by=dan, note="Fine.", at=NOON)
    answer = browse(ada).get(request.get_absolute_url())
    approved, last = answer.context["page"].events[1:]
    assert approved["title"] == "Approved at stage 1, Owners"
    assert approved["by"] == "Dan for Cleo"
    assert last["title"] == "Times out, unless somebody decides"
    assert last["until"] == "in 1 d"
    assert "Stage 2 of 2, Finance; the last one." in words_of(answer)


def test_the_story_tells_that_the_start_passed_without_an_answer(
    browse: Browse, waiting: CapacityRequest, ada: User, noon
):
    timeouts.tell_late(at=utc("2026-03-03 10:05"))
    noon.move_to(utc("2026-03-03 10:10"))
    answer = browse(ada).get(waiting.get_absolute_url())
    assert titles(answer)[1] == "Passed its start without an answer"


def test_the_next_edge_of_a_grant_is_counted_down(
    browse: Browse, granted: CapacityRequest, applying: Pool, ada: User
):
    events = browse(ada).get(granted.get_absolute_url()).context["page"].events
    assert [(e["title"], e["until"]) for e in events[-2:]] == [
        ("Starts by itself", "in 22 h"),
        ("Ends by itself", "in 1 d"),
    ]
