"""Requests of low risk approved together: each by itself, whatever becomes of the others."""

import re
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import AuditRow, User
from quotas.domain.policy import DEFAULT
from quotas.models import (
    CapacityRequest,
    Decision,
    Freeze,
    LedgerEntry,
    PolicyVersion,
    Pool,
    Service,
)
from quotas.services import decisions
from quotas.services.together import NOTE, Outcome, Picked, approve_together
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import NOON, person, utc

ADDRESS = "approve_low_risk"


@pytest.fixture
def three(chat: Service, ada: User) -> list[CapacityRequest]:
    """Three of low risk: more than half of the baseline, and nothing else against them."""
    return [ask(chat, ada, units=units) for units in (51, 52, 53)]


def as_shown(*requests: CapacityRequest) -> list[Picked]:
    rows = CapacityRequest.objects.filter(pk__in=[request.pk for request in requests])
    return [Picked(row, row.content_hash) for row in rows.order_by("pk")]


def codes(outcomes: list[Outcome]) -> list[str]:
    return [outcome.refusal.code if outcome.refusal else "" for outcome in outcomes]


def ticks(*requests: CapacityRequest) -> dict[str, list[str]]:
    return {"low_risk": [f"{request.pk}:{request.content_hash}" for request in requests]}


def test_three_of_low_risk_are_approved_each_with_its_own_decision(three, cleo: User) -> None:
    assert codes(approve_together(as_shown(*three), by=cleo, at=NOON)) == ["", "", ""]
    assert set(CapacityRequest.objects.values_list("state", flat=True)) == {"approved"}
    assert list(Decision.objects.values_list("decided_by", "note")) == [(cleo.pk, NOTE)] * 3
    assert LedgerEntry.objects.filter(kind="burst").count() == 3
    assert AuditRow.objects.filter(verb="burst.approved").count() == 3


def test_the_pool_fills_up_on_the_way_and_the_last_is_refused(
    three, pool: Pool, cleo: User
) -> None:
    """Each is judged with those before it in the ledger: at 85 % of the room it ends."""
    pool.reserve_units = 520  # 480 may be held: 300 + 51 + 52 are 84 %, with 53 more 95 %
    pool.save(update_fields=["reserve_units"])
    outcomes = approve_together(as_shown(*three), by=cleo, at=NOON)
    assert codes(outcomes) == ["", "", "not_low_risk"]
    refusal = outcomes[2].refusal
    assert refusal is not None
    assert "The pool would be 95 % held at its fullest" in refusal.sentence
    assert [row.state for row in CapacityRequest.objects.order_by("pk")] == [
        "approved", "approved", "in_review",
    ]  # fmt: skip


def test_what_was_edited_since_it_was_shown_is_not_approved(three, cleo: User) -> None:
    shown = as_shown(*three)
    stale = [replace(shown[0], content_hash="0" * 64), *shown[1:]]
    assert codes(approve_together(stale, by=cleo, at=NOON)) == ["changed_meanwhile", "", ""]


def test_nobody_approves_their_own_among_others(three, ada: User) -> None:
    person("Ada", "platform_owner")
    assert set(codes(approve_together(as_shown(*three), by=ada, at=NOON))) == {"self_approval"}
    assert Decision.objects.count() == 0


def test_the_same_twice_is_refused_the_second_time(three, cleo: User) -> None:
    approve_together(as_shown(*three), by=cleo, at=NOON)
    again = approve_together(as_shown(*three), by=cleo, at=NOON)
    assert set(codes(again)) == {"already_ended"}
    assert Decision.objects.count() == 3


def test_a_freeze_that_was_added_meanwhile_makes_it_more_than_low_risk(three, cleo: User) -> None:
    Freeze.objects.create(
        effective_from=utc("2026-03-03 00:00"), effective_until=utc("2026-03-04 00:00"),
        reason="Audit.", recorded_by=cleo, recorded_at=NOON,
    )  # fmt: skip
    outcomes = approve_together(as_shown(*three), by=cleo, at=NOON)
    assert set(codes(outcomes)) == {"not_low_risk"}
    assert "Starts while a freeze lasts." in str(outcomes[0].refusal)


def test_after_a_denial_the_service_is_looked_at_one_by_one(three, cleo: User) -> None:
    decisions.deny(three[0], by=cleo, note="Not this one.", at=NOON)
    outcomes = approve_together(as_shown(*three[1:]), by=cleo, at=NOON)
    assert set(codes(outcomes)) == {"not_low_risk"}
    assert "was denied in the last 30 days" in str(outcomes[0].refusal)


def test_under_a_policy_that_calls_nothing_low_risk_nothing_is(
    chat: Service, ada: User, cleo: User
) -> None:
    rules = replace(DEFAULT, low_risk=())
    PolicyVersion.objects.create(number=1, content=rules.as_json(), published_at=NOON)
    asked = ask(chat, ada, units=60)
    assert codes(approve_together(as_shown(asked), by=cleo, at=NOON)) == ["not_low_risk"]


def test_the_inbox_offers_those_of_low_risk_together(browse: Browse, three, chat, ada, cleo):
    too_long = ask(chat, ada, units=51, ends_at=utc("2026-03-20 18:00"))
    answer = browse(cleo).get(reverse("inbox"))
    shown, page = words_of(answer), answer.content.decode()
    assert "3 of these are low risk by the policy." in shown
    assert "Share of baseline: at most 100 %" in shown
    assert page.count('name="low_risk"') == 3
    assert f'value="{too_long.pk}:' not in page
    assert "Not low risk" in shown


def test_one_alone_is_not_offered_together(browse: Browse, waiting: CapacityRequest, cleo: User):
    answer = browse(cleo).get(reverse("inbox"))
    assert 'name="low_risk"' not in answer.content.decode()
    assert "Low risk: every clause passed" in words_of(answer)


def test_without_script_the_page_says_what_went_and_what_did_not(
    browse: Browse, three, pool: Pool, cleo: User
):
    decisions.deny(three[2], by=cleo, note="No.", at=NOON)
    CapacityRequest.objects.filter(pk=three[0].pk).update(content_hash="changed")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cleo)
    page = strict.get(reverse("inbox")).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    sent = {**ticks(*three), "csrfmiddlewaretoken": token[1]}
    answer = strict.post(reverse(ADDRESS), sent)
    assert answer.status_code == 422
    shown = words_of(answer)
    assert "None of 3 was approved" in shown
    assert f"Not #{three[0].pk} Chat assistant: Request #{three[0].pk} was changed" in shown


def test_the_page_names_those_that_were_approved(browse: Browse, three, cleo: User):
    answer = browse(cleo).post(reverse(ADDRESS), ticks(*three[:2]))
    assert answer.status_code == 200
    shown = words_of(answer)
    assert "2 approved" in shown
    assert f"#{three[0].pk} Chat assistant is approved." in shown
    assert [card.id for card in answer.context["inbox"].cards] == [three[2].pk]


def test_without_a_tick_it_says_what_to_do(browse: Browse, three, cleo: User):
    answer = browse(cleo).post(reverse(ADDRESS), {"low_risk": ["nonsense", "x:y", f"{'9' * 30}:z"]})
    assert answer.status_code == 422
    assert "Tick the requests of low risk that you approve." in words_of(answer)


def test_dan_approves_nothing_of_another_team(browse: Browse, three, search, dan: User):
    answer = browse(dan).post(reverse(ADDRESS), ticks(*three))
    assert "Chat assistant" not in words_of(answer)
    assert Decision.objects.count() == 0


def test_by_the_api_each_answer_says_what_came_of_it(browse: Browse, three, cleo: User):
    hers = browse(cleo)
    listed = {row["id"]: row for row in hers.get(reverse("api_requests")).json()["results"]}
    sent = [{"id": r.pk, "content_hash": listed[r.pk]["content_hash"]} for r in three[:2]]
    sent.append({"id": three[2].pk, "content_hash": "old"})
    answer = hers.post(reverse("api_approve_low_risk"), sent, content_type="application/json")
    assert answer.status_code == 200
    found = answer.json()["results"]
    assert [row["approved"] for row in found] == [True, True, False]
    assert found[2]["problem"]["code"] == "changed_meanwhile"


def test_dan_learns_nothing_by_the_api(browse: Browse, three, search, dan: User):
    sent = [{"id": r.pk, "content_hash": r.content_hash} for r in three]
    answer = browse(dan).post(
        reverse("api_approve_low_risk"), sent, content_type="application/json"
    )
    assert answer.json() == {"results": []}
