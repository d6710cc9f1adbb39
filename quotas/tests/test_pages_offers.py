"""Deciding on a card beyond yes and no: the largest safe amount, an offer, a part, a question.

Ada asks for 60 units on top of 100, tomorrow 10 to 18; 700 of the pool's 1,000 are free.
"""

import pytest
from django.urls import reverse

from portal.kernel.windows import Window
from portal.models import User
from quotas.models import CapacityRequest, Decision, LedgerEntry, Pool, Service
from quotas.services import delegations
from quotas.tests.conftest import HTMX, Browse, ask, words_of
from quotas.tests.factories import NOON, person, utc
from quotas.tests.test_stages import MONEY, OWNERS, publish

INBOX = reverse("inbox")
FORM = {
    "amount": "30k",
    "starts_at": "2026-03-03T12:00",
    "ends_at": "2026-03-03T20:00",
    "note": "Later, and less?",
    "held": "on",
}


def at(name: str, request: CapacityRequest) -> str:
    return reverse(f"request_{name}", args=[request.pk])


def state_of(request: CapacityRequest) -> str:
    return str(CapacityRequest.objects.get(pk=request.pk).state)


@pytest.fixture
def tight(waiting: CapacityRequest) -> CapacityRequest:
    """Only 40 units are left for it."""
    from quotas.services.evidence import asked_of, gather
    from quotas.services.evidence_rows import store

    Pool.objects.update(reserve_units=660)
    waiting = CapacityRequest.objects.get(pk=waiting.pk)
    store(waiting, gather(asked_of(waiting), at=NOON), at=NOON)
    return waiting


def test_the_largest_safe_amount_is_offered_only_where_not_all_fits(
    browse: Browse, waiting: CapacityRequest, cleo: User
):
    assert "Approve largest safe" not in words_of(browse(cleo).get(INBOX))


def test_the_largest_safe_amount_is_granted_in_one_press(
    browse: Browse, tight: CapacityRequest, cleo: User
):
    hers = browse(cleo)
    assert "Approve largest safe, 40k TPM" in words_of(hers.get(INBOX))
    answer = hers.post(at("approve_largest", tight), headers=HTMX)
    assert f"Request #{tight.pk}" not in answer.content.decode()  # the card alone
    assert "is approved: +40k TPM" in words_of(answer)
    assert LedgerEntry.objects.get(request=tight, kind="burst").units == 40


def test_a_question_goes_to_the_requester_and_leaves_the_inbox(
    browse: Browse, waiting: CapacityRequest, cleo: User
):
    hers = browse(cleo)
    empty = hers.post(at("ask", waiting), headers=HTMX)
    assert (empty.status_code, "Write the question" in words_of(empty)) == (422, True)
    hers.post(at("ask", waiting), {"note": "How many people?"})
    assert state_of(waiting) == "needs_info"
    assert hers.get(INBOX).context["inbox"].cards == []


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_the_form_of_an_offer_shows_the_safe_region(
    browse: Browse, tight: CapacityRequest, cleo: User, headers: dict[str, str]
):
    answer = browse(cleo).get(at("offer", tight), headers=headers)
    shown = words_of(answer)
    assert ("<html" in answer.content.decode()) == (not headers)
    assert 'value="40,000"' in answer.content.decode()
    assert "60k TPM do not fit over this window" in shown
    assert "At most 40k TPM over this window." in shown


def test_the_safe_region_follows_the_typing_and_names_the_longest_window(
    browse: Browse, waiting: CapacityRequest, search: Service, dan: User, cleo: User
):
    hers = browse(cleo)
    other = ask(
        search, dan, units=660, starts_at=utc("2026-03-04 08:00"), ends_at=utc("2026-03-04 18:00")
    )
    hers.post(at("approve", other))
    typed = {**FORM, "amount": "50k", "ends_at": "2026-03-04T12:00"}
    shown = words_of(hers.get(at("offer_check", waiting), typed, headers=HTMX))
    assert "50k TPM do not fit over this window; it is fullest Wed 4 Mar, 08:00." in shown
    assert "At most 40k TPM over this window." in shown
    assert "50k TPM would fit until Wed 4 Mar, 08:00." in shown


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"amount": "much"}, "Write a whole number"),
        ({"amount": ""}, "Say how much you offer."),
        ({"ends_at": "2026-03-03T12:00"}, "The end must be after the start."),
        ({"amount": "900k"}, "700,000 tokens per minute would fit"),
        ({"starts_at": "2026-03-01T12:00"}, "That start has passed"),
        (
            {"amount": "60k", "starts_at": "2026-03-03T10:00", "ends_at": "2026-03-03T18:00"},
            "That is what was asked for",
        ),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_an_offer_that_cannot_be_keeps_what_was_typed_and_says_why(
    browse: Browse,
    waiting: CapacityRequest,
    cleo: User,
    typed: dict[str, str],
    sentence: str,
    headers: dict[str, str],
):
    answer = browse(cleo).post(at("offer", waiting), {**FORM, **typed}, headers=headers)
    assert (answer.status_code, sentence in words_of(answer)) == (422, True)
    assert "Later, and less?" in answer.content.decode()
    assert (state_of(waiting), Decision.objects.count()) == ("in_review", 0)


def test_an_offer_holds_its_room_and_waits_for_the_requester(
    browse: Browse, waiting: CapacityRequest, cleo: User
):
    answer = browse(cleo).post(at("offer", waiting), FORM, headers=HTMX)
    assert answer["HX-Retarget"] == f"#request-{waiting.pk}"
    assert "waits for the answer to your offer" in words_of(answer)
    hold = LedgerEntry.objects.get(kind="hold")
    assert (hold.units, hold.effective_until) == (30, utc("2026-03-03 20:00"))
    assert state_of(waiting) == "counter_offered"


def test_an_offer_may_be_made_without_holding_room(
    browse: Browse, waiting: CapacityRequest, cleo: User
):
    not_held = {name: value for name, value in FORM.items() if name != "held"}
    answer = browse(cleo).post(at("offer", waiting), not_held, follow=True)
    assert f"Request #{waiting.pk} waits for the answer to your offer." in words_of(answer)
    assert not LedgerEntry.objects.filter(kind="hold").exists()


def test_a_part_of_what_was_asked_is_approved_from_the_same_form(
    browse: Browse, waiting: CapacityRequest, cleo: User
):
    hers = browse(cleo)
    outside = hers.post(at("approve_part", waiting), FORM, headers=HTMX)
    assert "A part must lie inside what was asked" in words_of(outside)
    inside = hers.post(at("approve_part", waiting), {**FORM, "ends_at": "2026-03-03T16:00"})
    assert inside.status_code == 302
    entry = LedgerEntry.objects.get(request=waiting, kind="burst")
    assert (entry.units, entry.effective_from) == (30, utc("2026-03-03 12:00"))


@pytest.mark.parametrize("name", ["approve_largest", "ask", "offer", "approve_part"])
def test_who_may_not_decide_hears_why_and_a_stranger_finds_nothing(
    browse: Browse, waiting: CapacityRequest, ben: User, dan: User, name: str
):
    refused = browse(ben).post(at(name, waiting), {**FORM, "ends_at": "2026-03-03T16:00"})
    assert refused.status_code == 422
    assert "Only an owner of this pool may decide" in words_of(refused)
    assert browse(dan).post(at(name, waiting), FORM).status_code == 404
    assert not Decision.objects.exists()


def test_the_card_names_the_stage_and_who_said_yes_before(
    browse: Browse, chat: Service, ada: User, cleo: User, fay: User
):
    publish(OWNERS, MONEY)
    request = ask(chat, ada, units=60)
    hers = browse(cleo)
    assert "Stage 1 of 2, Owners; then Finance." in words_of(hers.get(INBOX))
    answer = hers.post(at("approve", request), headers=HTMX)
    assert "has your yes; Stage 2 of 2, Finance; the last one" in words_of(answer)
    shown = words_of(browse(fay).get(INBOX))
    assert "Stage 2 of 2, Finance; the last one. Cleo said yes at stage 1." in shown


def test_the_card_names_the_person_in_whose_place_one_decides(
    browse: Browse, waiting: CapacityRequest, cleo: User, dan: User
):
    week = Window(NOON, utc("2026-03-09 12:00"))
    delegations.delegate(dan, week, by=cleo, at=NOON)
    assert "You decide for Cleo." in words_of(browse(dan).get(INBOX))
    assert "You decide for" not in words_of(browse(cleo).get(INBOX))
    person("Dan", "platform_owner")  # in his own right from now on
    assert "You decide for" not in words_of(browse(dan).get(INBOX))


def test_what_is_late_comes_first_then_what_is_due_first(
    browse: Browse, chat: Service, ada: User, cleo: User, noon
):
    publish(OWNERS)
    days = [utc(f"2026-03-0{day} 10:00") for day in (9, 3, 8)]
    far, late, near = [
        ask(chat, ada, starts_at=start, ends_at=start.replace(hour=18)) for start in days
    ]
    # Asked a day later, so its answer is due a day later too, though it starts first.
    CapacityRequest.objects.filter(pk=far.pk).update(deadline_at=utc("2026-03-03 13:00"))
    noon.move_to(utc("2026-03-03 11:00"))
    found = browse(cleo).get(INBOX).context["inbox"]
    assert [card.id for card in found.cards] == [late.pk, far.pk, near.pk]
    assert (found.total, found.late) == (3, 1)
