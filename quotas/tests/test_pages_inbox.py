"""The approval inbox: decidable on the card; what cannot be decided says why and writes nothing."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.models import User
from quotas.models import CapacityRequest, Decision, LedgerEntry, Pool, Service
from quotas.services import evidence_rows
from quotas.tests.conftest import HTMX, Browse, ask, words_of
from quotas.tests.factories import FakeAzure, person, utc

INBOX = "inbox"


def approve(pk: int) -> str:
    return reverse("request_approve", args=[pk])


def deny(pk: int) -> str:
    return reverse("request_deny", args=[pk])


def test_cleo_sees_the_most_urgent_first_with_all_evidence(
    browse: Browse, waiting: CapacityRequest, chat: Service, ada: User, cleo: User
):
    sooner = ask(chat, ada, units=55, starts_at=utc("2026-03-03 09:00"))
    answer = browse(cleo).get(reverse(INBOX))
    assert [card.id for card in answer.context["inbox"].cards] == [sooner.pk, waiting.pk]
    shown = words_of(answer)
    for expected in (
        "Baseline", "With the burst", "p50", "p95", "p99", "peak", "12 minutes, 230 requests",
        "Last bursts", "Free at its fullest", "Others then", "no other burst",
        "Cost, fully used", "This month so far", "2 · important", "Answers come late.",
        "Asks 60 % of the baseline on top", "12 throttled minutes as it is, 0 with it",
    ):  # fmt: skip
        assert expected in shown


def test_the_form_of_a_card_carries_its_token_so_that_it_works_without_script(
    waiting: CapacityRequest, cleo: User
):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cleo)
    page = strict.get(reverse(INBOX)).content.decode()
    card = page[page.index(f'id="request-{waiting.pk}"') :]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', card)
    assert token
    strict.post(deny(waiting.pk), {"note": "Not now.", "csrfmiddlewaretoken": token[1]})
    waiting.refresh_from_db()
    assert waiting.state == "denied"


def test_nobody_else_finds_the_request_in_their_inbox(
    browse: Browse, waiting, search: Service, ada: User, ben: User, dan: User, fay: User
):
    for user in (ada, ben, dan, fay):
        assert browse(user).get(reverse(INBOX)).context["inbox"].cards == []


def test_an_owner_of_the_pool_decides_on_it(browse: Browse, waiting, pool: Pool):
    olga = person("Olga")
    pool.owners.add(olga)
    assert len(browse(olga).get(reverse(INBOX)).context["inbox"].cards) == 1
    browse(olga).post(approve(waiting.pk))
    waiting.refresh_from_db()
    assert waiting.state == "approved"


def test_the_inbox_takes_as_many_queries_for_eight_as_for_two(
    browse: Browse,
    chat: Service,
    ada: User,
    cleo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    hers = browse(cleo)
    ask(chat, ada, units=30)  # approved by the policy: a burst that the others share the pool with
    for _ in range(8):
        ask(chat, ada, units=51)
    with django_assert_max_num_queries(16):
        assert len(hers.get(reverse(INBOX)).context["inbox"].cards) == 8


def test_of_the_bursts_beside_what_lasts_the_next_are_named_and_the_others_counted(
    browse: Browse, chat: Service, ada: User, cleo: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(evidence_rows, "MOST_OTHERS", 2)
    for day in (3, 4, 5):
        start = utc(f"2026-03-0{day} 10:00")
        ask(chat, ada, units=day, starts_at=start, ends_at=start + timedelta(hours=8))
    lasting = ask(chat, ada, units=60, kind="baseline", ends_at=None, occasion="")
    facts = lasting.evidence.get().facts
    assert [other["units"] for other in facts["others"]] == [3, 4]
    assert facts["later_others"] == 1
    said = words_of(browse(cleo).get(reverse(INBOX)))
    assert "With it" in said
    assert "With the burst" not in said
    assert "Chat assistant: 4k TPM until" in said
    assert "and 1 later" in said
    assert "Chat assistant: 5k TPM until" not in said


def test_ten_cards_are_a_page_and_the_rest_follow(
    browse: Browse, chat: Service, ada: User, cleo: User
):
    asked = [ask(chat, ada, units=51).pk for _ in range(12)]
    hers = browse(cleo)
    first, second = (hers.get(reverse(INBOX), {"page": page}) for page in (1, 2))
    cards = [answer.context["inbox"].cards for answer in (first, second)]
    assert [len(page) for page in cards] == [10, 2]
    assert sorted(card.id for page in cards for card in page) == sorted(asked)
    for answer in (first, second):
        assert "<strong>12</strong> requests wait for you" in answer.content.decode()
    assert "the next would start" in first.content.decode()
    assert "the next would start" not in second.content.decode()


def test_approving_by_htmx_answers_with_the_card_alone(
    browse: Browse, waiting: CapacityRequest, cleo: User
):
    answer = browse(cleo).post(approve(waiting.pk), {"note": "Good luck."}, headers=HTMX)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in shown
    assert f'id="request-{waiting.pk}"' in shown
    assert "is approved" in " ".join(shown.split())
    assert "the pool only observes" in shown
    assert LedgerEntry.objects.get(request=waiting).units == 60
    assert Decision.objects.get().note == "Good luck."


def test_without_script_approving_goes_back_to_the_inbox(browse: Browse, waiting, cleo: User):
    answer = browse(cleo).post(approve(waiting.pk), follow=True)
    assert answer.redirect_chain == [(reverse(INBOX), 302)]
    assert f"Request #{waiting.pk} is approved." in answer.content.decode()


def test_denying_needs_a_reason_and_keeps_the_card(browse: Browse, waiting, cleo: User):
    hers = browse(cleo)
    answer = hers.post(deny(waiting.pk), headers=HTMX)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "Say why; the requester reads it." in shown
    assert "data-focus" in shown
    assert "errorlist" in shown
    assert f'id="request-{waiting.pk}"' in shown
    assert Decision.objects.count() == 0
    hers.post(deny(waiting.pk), {"note": "The pool is kept for month-end."}, headers=HTMX)
    waiting.refresh_from_db()
    assert waiting.state == "denied"


def test_the_requester_reads_why_it_was_denied(browse: Browse, waiting, ada: User, cleo: User):
    browse(cleo).post(deny(waiting.pk), {"note": "Kept for month-end."})
    assert "Kept for month-end." in browse(ada).get(waiting.get_absolute_url()).content.decode()


def refused(answer, sentence: str) -> bool:
    return answer.status_code == 422 and sentence in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_nobody_decides_on_their_own_request(
    browse: Browse, waiting: CapacityRequest, ada: User, headers: dict[str, str]
):
    person("Ada", "platform_owner")  # even as an owner of the platform
    for address in (approve(waiting.pk), deny(waiting.pk)):
        answer = browse(ada).post(address, {"note": "Mine."}, headers=headers)
        assert refused(answer, "Nobody decides on their own request.")
    assert Decision.objects.count() == 0


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_an_approval_after_the_end_says_that_it_is_too_late(
    browse: Browse, waiting: CapacityRequest, cleo: User, noon, headers: dict[str, str]
):
    noon.move_to(waiting.ends_at)
    answer = browse(cleo).post(approve(waiting.pk), headers=headers)
    assert refused(answer, "it is too late to approve it")
    assert (Decision.objects.count(), LedgerEntry.objects.filter(kind="burst").count()) == (0, 0)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_what_no_longer_fits_names_what_would(
    browse: Browse, waiting: CapacityRequest, pool: Pool, cleo: User, headers: dict[str, str]
):
    pool.reserve_units = 660
    pool.save(update_fields=["reserve_units"])
    answer = browse(cleo).post(approve(waiting.pk), headers=headers)
    assert refused(answer, "40,000 tokens per minute would fit over the whole window")
    assert (Decision.objects.count(), LedgerEntry.objects.filter(kind="burst").count()) == (0, 0)


def test_ben_and_fay_may_read_but_not_decide(browse: Browse, waiting, ben: User, fay: User):
    for user in (ben, fay):
        answer = browse(user).post(approve(waiting.pk), headers=HTMX)
        assert refused(answer, "Only an owner of this pool may decide")
    assert Decision.objects.count() == 0


def test_a_second_answer_is_told_that_the_first_stands(browse: Browse, waiting, cleo: User):
    hers = browse(cleo)
    hers.post(approve(waiting.pk))
    again = hers.post(deny(waiting.pk), {"note": "No."}, headers=HTMX)
    assert refused(again, "This request is approved already")
    assert Decision.objects.count() == 1


def test_a_request_whose_start_has_passed_raises_an_alarm(
    browse: Browse, synced: FakeAzure, waiting, cleo: User, noon
):
    noon.move_to(utc("2026-03-03 11:00"))
    answer = browse(cleo).get(reverse(INBOX))
    shown = " ".join(answer.content.decode().split())
    assert answer.context["inbox"].late == 1
    assert "1 is late" in words_of(answer)
    assert "Its start has passed" in shown
    assert "Approved now, it starts now." in shown


def test_what_is_asked_from_now_on_is_not_late_before_its_approvers_would_be_reminded(
    browse: Browse, waiting: CapacityRequest, chat: Service, ada: User, cleo: User, noon
):
    at_once = ask(chat, ada, units=120, starts_now=True)
    noon.move_to(utc("2026-03-02 12:01"))
    answer = browse(cleo).get(reverse(INBOX))
    found = answer.context["inbox"]
    assert ([card.id for card in found.cards], found.late) == ([at_once.pk, waiting.pk], 0)
    said = words_of(answer)
    assert "2 requests wait for you; the first is to start at once." in said
    assert "to start at once · answer by" in said
    assert "has passed" not in said
    home = words_of(browse(cleo).get("/"))
    assert "the first of them asked 1 min ago, to start at once" in home
    noon.move_to(utc("2026-03-02 15:59"))
    assert browse(cleo).get(reverse(INBOX)).context["inbox"].late == 0
    noon.move_to(utc("2026-03-02 16:00"))  # four of the hours in which they are there
    said = words_of(browse(cleo).get(reverse(INBOX)))
    assert "Its answer is overdue" in said
    assert "1 is late" in said


def test_an_owner_of_one_pool_reads_who_else_is_in_it(
    browse: Browse, waiting: CapacityRequest, search: Service, pool: Pool, dan: User
):
    from quotas.services.evidence_rows import refresh_open

    ask(search, dan, units=50, at=utc("2026-03-02 12:01"))
    refresh_open(at=utc("2026-03-02 12:02"))
    olga = person("Olga")
    pool.owners.add(olga)
    assert "Search: 50k TPM until" in words_of(browse(olga).get(reverse(INBOX)))
