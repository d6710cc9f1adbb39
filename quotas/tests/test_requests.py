"""Asking, deciding, giving back: what is granted, and what each refusal says."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from portal.kernel.errors import DomainError
from portal.models import AuditRow, Message, User
from quotas.models import CapacityRequest, Decision, Evidence, LedgerEntry, Pool, PoolLimit, Service
from quotas.selectors.inbox import to_decide
from quotas.services import decisions, evidence_rows, requests, timeouts
from quotas.services.asking import content_hash
from quotas.services.give_back import give_back
from quotas.tests.conftest import ask
from quotas.tests.factories import NOON, FakeEvidence, person, utc

MOST_QUERIES = 15  # of a decision
BIG = {"units": 120}  # above half of the baseline: goes to people


def nothing_was_written() -> bool:
    return not LedgerEntry.objects.filter(kind="burst").exists() and not Decision.objects.exists()


def test_a_small_burst_is_approved_by_policy_at_once(chat: Service, ada: User) -> None:
    request = ask(chat, ada)
    entry = LedgerEntry.objects.get(kind="burst")
    assert request.state == "approved"
    assert (entry.units, entry.effective_from, entry.effective_until) == (
        40,
        utc("2026-03-03 10:00"),
        utc("2026-03-03 18:00"),
    )
    decision = Decision.objects.get()
    assert (decision.decided_by, decision.policy_version) == (None, 1)
    assert decision.content_hash == request.content_hash


def test_a_large_burst_goes_to_people_with_its_evidence(chat: Service, ada: User) -> None:
    request = ask(chat, ada, **BIG)
    assert request.state == "in_review"
    facts = Evidence.objects.get(request=request).facts
    assert facts["baseline_units"] == 100
    assert facts["fit"]["room_units"] == 1000
    # 120 units × 1,000 TPM × 8 h × 60 at $3.20 per million tokens
    assert facts["cost_if_fully_used"] == "184.3200"


def test_the_entry_begins_a_lead_before_the_start(chat: Service, pool: Pool, ada: User) -> None:
    Pool.objects.update(lead=timedelta(minutes=15))
    ask(chat, ada)
    assert LedgerEntry.objects.get(kind="burst").effective_from == utc("2026-03-03 09:45")


def test_another_person_approves(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada, **BIG)
    decisions.approve(request, by=cleo, note="Fine.", at=utc("2026-03-02 13:00"))
    request.refresh_from_db()
    assert request.state == "approved"
    assert LedgerEntry.objects.get(kind="burst").units == 120


def test_i06_nobody_approves_their_own_request(chat: Service, cleo: User, atlas: object) -> None:
    chat.owner = cleo
    chat.save()
    from quotas.models import Membership

    Membership.objects.create(team=chat.team, user=cleo, role="lead")
    request = ask(chat, cleo, **BIG)
    with pytest.raises(DomainError, match="their own request"):
        decisions.approve(request, by=cleo, note="", at=NOON)
    assert nothing_was_written()


def test_i06_nor_the_one_it_was_asked_for(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada, on_behalf_of=cleo, **BIG)
    with pytest.raises(DomainError, match="their own request"):
        decisions.approve(request, by=cleo, note="", at=NOON)


@pytest.mark.parametrize("who", ["ada", "ben", "dan", "fay"])
def test_only_an_owner_of_the_pool_decides(
    who: str, chat: Service, ada: User, dan: User, fay: User
) -> None:
    request = ask(chat, ada, **BIG)
    request.requester = person("Somebody")
    decider = person(who.capitalize())
    with pytest.raises(DomainError, match="Only an owner of this pool"):
        decisions.approve(request, by=decider, note="", at=NOON)
    assert nothing_was_written()


def test_a_decision_that_came_too_late_writes_nothing(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada, **BIG)
    with pytest.raises(DomainError, match="too late"):
        decisions.approve(request, by=cleo, note="", at=utc("2026-03-03 18:00"))
    request.refresh_from_db()
    assert request.state == "in_review"
    assert nothing_was_written()


def test_a_late_approval_clips_the_start_to_now(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada, **BIG)
    decisions.approve(request, by=cleo, note="", at=utc("2026-03-03 11:30"))
    assert LedgerEntry.objects.get(kind="burst").effective_from == utc("2026-03-03 11:30")


def test_a_decision_asks_no_more_than_it_did(
    chat: Service, ada: User, cleo: User, django_assert_max_num_queries: Any
) -> None:
    """Beside what the use of the service asks (`showback`): each query is time, most of it before
    the pool is locked, and all of it multiplied by everybody who waits.
    """
    found = to_decide(CapacityRequest.objects.all()).get(pk=ask(chat, ada, **BIG).pk)
    with django_assert_max_num_queries(MOST_QUERIES):
        decisions.approve(found, by=cleo, note="", at=NOON)


def test_i01_what_no_longer_fits_is_not_granted_and_says_what_would(
    chat: Service, pool: Pool, ada: User, cleo: User
) -> None:
    request = ask(chat, ada, units=600)
    PoolLimit.objects.create(
        pool=pool, observed_at=NOON, limit_units=700, azure_used_units=300, outside_units=0
    )
    with pytest.raises(DomainError) as refused:
        decisions.approve(request, by=cleo, note="", at=utc("2026-03-02 13:00"))
    assert refused.value.code == "pool_exhausted"
    assert "400,000 tokens per minute would fit over the whole window" in refused.value.sentence
    assert nothing_was_written()


def test_the_longest_window_is_named_too(
    chat: Service, search: Service, ada: User, dan: User, cleo: User
) -> None:
    evening = {"starts_at": utc("2026-03-03 16:00"), "ends_at": utc("2026-03-03 20:00")}
    decisions.approve(ask(search, dan, units=500, **evening), by=cleo, note="", at=NOON)
    with pytest.raises(DomainError, match="until Tue 03 Mar 16:00 UTC"):
        ask(chat, ada, units=300)


def test_i05_an_approval_is_for_exactly_the_content_it_saw(
    chat: Service, ada: User, cleo: User
) -> None:
    request = ask(chat, ada, **BIG)
    decisions.approve(request, by=cleo, note="", at=NOON)
    for entry in LedgerEntry.objects.filter(kind="burst"):
        decision = entry.request.decisions.get()
        assert decision.outcome == "approved"
        assert decision.content_hash == entry.request.content_hash
    request.units += 1
    other = content_hash(request)
    assert other != request.content_hash


def test_i10_a_second_approval_leaves_one_entry(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada, **BIG)
    stale = CapacityRequest.objects.get(pk=request.pk)
    decisions.approve(request, by=cleo, note="", at=NOON)
    with pytest.raises((DomainError, IntegrityError)), transaction.atomic():
        decisions.approve(stale, by=cleo, note="", at=NOON)
    assert LedgerEntry.objects.filter(kind="burst").count() == 1


def test_denying_needs_a_reason(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada, **BIG)
    with pytest.raises(DomainError, match="Say why"):
        decisions.deny(request, by=cleo, note="  ", at=NOON)
    decisions.deny(request, by=cleo, note="The demo moved to May.", at=NOON)
    request.refresh_from_db()
    assert request.state == "denied"
    assert not LedgerEntry.objects.filter(kind="burst").exists()


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("ends_before_start", {"ends_at": utc("2026-03-03 09:00")}),
        ("ends_before_start", {"ends_at": utc("2026-03-03 10:00")}),
        (
            "in_the_past",
            {"starts_at": utc("2026-03-01 10:00"), "ends_at": utc("2026-03-01 18:00")},
        ),
        ("start_in_the_past", {"starts_at": utc("2026-03-02 11:59")}),
        ("too_long", {"ends_at": utc("2026-04-30 10:00")}),
        ("nothing_asked", {"units": 0}),
        ("nothing_asked", {"units": -5}),
        ("absurd_amount", {"units": 2_000_000_000}),
        ("pool_exhausted", {"units": 701}),
        ("purpose_missing", {"purpose": "  "}),
        ("occasion_unknown", {"occasion": "boredom"}),
    ],
)
def test_what_cannot_be_asked_says_so_and_writes_nothing(
    code: str, wrong: dict[str, object], chat: Service, ada: User
) -> None:
    with pytest.raises(DomainError) as refused:
        ask(chat, ada, **wrong)
    assert refused.value.code == code
    assert refused.value.sentence.endswith((".", "”."))
    assert not CapacityRequest.objects.exists()
    assert nothing_was_written()


def test_now_is_a_start(chat: Service, ada: User) -> None:
    request = ask(chat, ada, starts_at=utc("2020-01-01 00:00"), starts_now=True)
    assert request.starts_at == NOON


@pytest.mark.parametrize("who", ["Ben", "Dan", "Cleo"])
def test_only_a_lead_an_owner_or_a_deputy_may_ask(
    who: str, chat: Service, ada: User, dan: User, cleo: User
) -> None:
    with pytest.raises(DomainError) as refused:
        ask(chat, person(who))
    assert refused.value.code == "not_yours"


def test_a_service_without_an_active_owner_cannot_ask(chat: Service, ada: User) -> None:
    chat.owner = person("Gone")
    chat.owner.is_active = False
    chat.owner.save()
    chat.save()
    with pytest.raises(DomainError, match="no deputy who is there"):
        ask(chat, ada)


def test_unknown_cost_is_decided_by_people(chat: Service, ada: User, usage: FakeEvidence) -> None:
    from dataclasses import replace

    usage.answer = replace(usage.answer, usd_per_million_tokens=None)
    request = ask(chat, ada)
    assert request.state == "in_review"
    assert request.evidence.get().facts["cost_if_fully_used"] is None


def test_giving_back_is_a_reversal_from_this_minute_on(chat: Service, ada: User) -> None:
    request = ask(chat, ada)
    give_back(request, by=ada, reason="", at=utc("2026-03-03 12:00:30"))
    reversal = LedgerEntry.objects.get(kind="reversal", request=request)
    assert (reversal.units, reversal.effective_from) == (-40, utc("2026-03-03 12:00"))
    with pytest.raises(DomainError, match="Nothing of request"):
        give_back(request, by=ada, reason="", at=utc("2026-03-03 12:30"))


def test_giving_back_before_the_start_takes_the_whole(chat: Service, ada: User) -> None:
    request = ask(chat, ada)
    give_back(request, by=ada, reason="", at=utc("2026-03-02 18:00"))
    assert sum(e.units for e in LedgerEntry.objects.in_force_at(utc("2026-03-03 11:00"))) == 300


def test_revoking_needs_a_reason(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada)
    with pytest.raises(DomainError, match="Say why"):
        give_back(request, by=cleo, reason="", at=utc("2026-03-03 12:00"))
    give_back(request, by=cleo, reason="Incident in search.", at=utc("2026-03-03 09:00"))
    assert AuditRow.objects.filter(verb="burst.revoked").count() == 1


def test_a_revocation_takes_hold_after_the_notice_of_the_tier(
    chat: Service, ada: User, cleo: User
) -> None:
    """Tier 2 is told 8 hours ahead: at 09:00 it can be taken back from 17:00 on."""
    request = ask(chat, ada)
    give_back(request, by=cleo, reason="Incident in search.", at=utc("2026-03-03 09:00"))
    reversal = LedgerEntry.objects.get(request=request, units__lt=0)
    assert reversal.effective_from == utc("2026-03-03 17:00")
    decision = request.decisions.get(outcome="revoked")
    assert (decision.decided_by, decision.note) == (cleo, "Incident in search.")
    assert Message.objects.filter(notice__event="grant.revoked", person=ada).count() == 1


def test_a_revocation_that_would_come_too_late_is_refused(
    chat: Service, ada: User, cleo: User
) -> None:
    request = ask(chat, ada)
    with pytest.raises(DomainError, match="8 hours before; by then, Tue 03 Mar 18:00 UTC, it has"):
        give_back(request, by=cleo, reason="Incident.", at=utc("2026-03-03 10:00"))
    assert not LedgerEntry.objects.filter(units__lt=0, request=request).exists()


def test_another_team_cannot_end_it(chat: Service, ada: User, dan: User) -> None:
    request = ask(chat, ada)
    with pytest.raises(DomainError, match="Only the team"):
        give_back(request, by=dan, reason="Mine.", at=utc("2026-03-03 12:00"))


def test_i08_every_open_request_ends_by_time_alone(chat: Service, ada: User) -> None:
    request = ask(chat, ada, **BIG)
    assert timeouts.time_out_overdue(at=utc("2026-03-03 17:44")) == 0
    assert timeouts.time_out_overdue(at=utc("2026-03-03 17:45")) == 1
    request.refresh_from_db()
    assert request.state == "timed_out"


def test_withdrawing_is_for_the_one_who_asked(chat: Service, ada: User, cleo: User) -> None:
    request = ask(chat, ada, **BIG)
    with pytest.raises(DomainError, match="Only the person who asked"):
        requests.withdraw(request, by=cleo, at=NOON)
    requests.withdraw(request, by=ada, at=NOON)
    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_evidence_is_refreshed_when_the_ledger_of_the_pool_changed(
    chat: Service, search: Service, ada: User, dan: User
) -> None:
    request = ask(chat, ada, **BIG)
    assert evidence_rows.refresh_open(at=utc("2026-03-02 12:30")) == 0
    ask(search, dan, at=utc("2026-03-02 12:40"))
    assert evidence_rows.refresh_open(at=utc("2026-03-02 12:41")) == 1
    newest = request.evidence.first()
    assert newest is not None
    assert newest.facts["fit"]["peak_held_units"] == 340


def test_i20_each_state_change_has_exactly_one_audit_row(
    chat: Service, ada: User, cleo: User
) -> None:
    request = ask(chat, ada, **BIG)
    decisions.approve(request, by=cleo, note="", at=NOON)
    give_back(request, by=ada, reason="", at=utc("2026-03-03 12:00"))
    verbs = list(
        AuditRow.objects.filter(subject=f"request/{request.pk}").values_list("verb", flat=True)
    )
    assert verbs == ["burst.submitted", "burst.approved", "burst.given_back"]


def test_the_database_itself_refuses_an_empty_window(pool: Pool) -> None:
    entry = LedgerEntry.objects.first()
    assert entry is not None
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO quotas_ledgerentry (pool_id, deployment_id, units, effective_from, "
            "effective_until, kind, reason, recorded_at) VALUES (%s, %s, 5, now(), now(), "
            "'burst', '', now())",
            [entry.pool_id, entry.deployment_id],
        )
