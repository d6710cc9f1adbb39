"""Freezes: who agrees on one, when it holds, who sees it, and where a clash is shown."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window
from portal.models import AuditRow, User
from quotas.domain.policy import RequestFacts
from quotas.domain.policy_facts import FACTS
from quotas.models import CapacityRequest, Freeze, Pool, Service
from quotas.selectors.freezes import Clash, freezes_in
from quotas.selectors.standing import standing
from quotas.services import evidence_rows
from quotas.services.freezes import add_freeze, end_freeze
from quotas.tests.conftest import HTMX, Browse, ask, words_of
from quotas.tests.factories import NOON, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
ASKED = Window(START, END)
HOUR = timedelta(hours=1)


def freeze(
    pool: Pool | None, start: str, end: str, by: User, reason: str = "Quarter-end."
) -> Freeze:
    return add_freeze(
        pool,
        starts_at=utc(f"2026-03-{start}"),
        ends_at=utc(f"2026-03-{end}"),
        reason=reason,
        by=by,
        at=NOON,
    )


def met(pool: Pool, window: Window = ASKED) -> list[tuple[str, bool]]:
    return [(clash.reason, clash.holds_start) for clash in clashes(pool, window)]


def clashes(pool: Pool, window: Window, *, starts_at: datetime | None = None) -> list[Clash]:
    """As the calendar reads them; evidence reads them with all that stands, and says the same."""
    found = freezes_in(pool, window, starts_at=starts_at)
    nobody, deployment = Service(pk=0, team_id=0), pool.deployments.first()
    start = starts_at or window.start
    assert standing(nobody, deployment, window, starts_at=start, at=NOON).freezes == tuple(found)
    return found


def test_windows_are_half_open_on_both_sides(pool: Pool, cleo: User):
    freeze(pool, "03 08:00", "03 10:00", cleo, "Ends as it starts.")
    freeze(pool, "03 18:00", "03 20:00", cleo, "Starts as it ends.")
    assert met(pool) == []
    freeze(pool, "03 17:59", "03 20:00", cleo, "Its last minute.")
    freeze(pool, "03 08:00", "03 10:01", cleo, "Its first minute.")
    assert met(pool) == [("Its first minute.", True), ("Its last minute.", False)]


def test_freezes_of_all_pools_count_those_of_another_pool_do_not_and_they_may_overlap(
    pool: Pool, cleo: User
):
    other = Pool.objects.get()
    other.pk = None
    other.usage_name = "OpenAI.GlobalStandard.other"
    other.save(force_insert=True)
    freeze(None, "03 09:00", "03 12:00", cleo, "All.")
    freeze(pool, "03 11:00", "03 13:00", cleo, "This.")
    freeze(other, "03 09:00", "03 12:00", cleo, "Another.")
    assert met(pool) == [("All.", True), ("This.", False)]


def test_a_lead_that_reaches_into_a_freeze_holds_the_start(pool: Pool, cleo: User):
    freeze(pool, "03 08:00", "03 10:00", cleo)
    entry = Window(START - timedelta(minutes=15), END)
    [clash] = clashes(pool, entry, starts_at=START)
    assert clash.holds_start


def test_one_that_begins_inside_the_lead_holds_the_start_that_people_see(pool: Pool, cleo: User):
    freeze(pool, "03 09:50", "03 12:00", cleo)
    [clash] = clashes(pool, Window(START - timedelta(minutes=15), END), starts_at=START)
    assert clash.holds_start


def test_ended_early_it_is_over_and_ended_before_it_began_it_never_was(pool: Pool, cleo: User):
    one = freeze(pool, "02 13:00", "05 00:00", cleo, "Ended on its way.")
    two = freeze(pool, "03 09:00", "05 00:00", cleo, "Never began.")
    end_freeze(one, by=cleo, at=utc("2026-03-02 14:00"))
    end_freeze(two, by=cleo, at=utc("2026-03-02 14:00"))
    assert met(pool, Window(NOON, END)) == [("Ended on its way.", False)]
    assert met(pool, Window(utc("2026-03-02 14:00"), END)) == []


def test_both_steps_are_audited_and_ending_twice_is_refused(pool: Pool, cleo: User):
    one = freeze(None, "02 13:00", "05 00:00", cleo)
    stale = Freeze.objects.get()
    end_freeze(one, by=cleo, at=NOON + 2 * HOUR)
    with pytest.raises(ChangedMeanwhile):
        end_freeze(stale, by=cleo, at=NOON + 3 * HOUR)
    rows = AuditRow.objects.filter(subject=f"freeze/{one.pk}").values_list("verb", flat=True)
    assert sorted(rows) == ["freeze.added", "freeze.ended"]
    assert Freeze.objects.get().ended_at == NOON + 2 * HOUR


@pytest.mark.parametrize(
    ("start", "end", "reason", "says"),
    [
        ("03 10:00", "03 10:00", "Why.", "after the start"),
        ("02 11:59", "03 10:00", "Why.", "begins now or later"),
        ("03 10:00", "03 11:00", "  ", "Say why"),
        ("03 10:00", "03 11:00", "x" * 201, "200 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    pool: Pool, cleo: User, start: str, end: str, reason: str, says: str
):
    with pytest.raises(DomainError, match=says):
        freeze(pool, start, end, cleo, reason)
    assert not Freeze.objects.exists()


def test_a_wrong_year_is_refused(pool: Pool, cleo: User):
    with pytest.raises(DomainError, match="366 days"):
        add_freeze(
            pool,
            starts_at=START,
            ends_at=utc("2062-03-03 10:00"),
            reason="A slip.",
            by=cleo,
            at=NOON,
        )


def test_only_platform_owners_agree_and_end(pool: Pool, cleo: User, ada: User, ben: User):
    pool.owners.add(ben)
    for other in (ada, ben):
        with pytest.raises(DomainError, match="platform owner"):
            freeze(pool, "03 10:00", "03 11:00", other)
    agreed = freeze(pool, "03 10:00", "03 11:00", cleo)
    with pytest.raises(DomainError, match="platform owner"):
        end_freeze(agreed, by=ada, at=NOON)


def test_what_is_over_cannot_be_ended(pool: Pool, cleo: User):
    agreed = freeze(pool, "03 10:00", "03 11:00", cleo)
    with pytest.raises(DomainError, match="over already"):
        end_freeze(agreed, by=cleo, at=utc("2026-03-03 11:00"))


def test_the_table_holds_no_empty_window_and_no_end_by_nobody(pool: Pool, cleo: User):
    agreed = freeze(pool, "03 10:00", "03 11:00", cleo)
    for wrong in ({"effective_until": agreed.effective_from}, {"ended_at": NOON}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Freeze.objects.update(**wrong)


# ── Where it is shown ────────────────────────────────────────────────────────────────────────


def test_evidence_keeps_the_clash_and_the_policy_may_look_at_it(
    chat: Service, pool: Pool, ada: User, cleo: User
):
    freeze(None, "03 09:00", "03 12:00", cleo)
    request = ask(chat, ada, units=60)
    facts = request.evidence.get().facts
    assert [clash["reason"] for clash in facts["freezes"]] == ["Quarter-end."]
    judged = RequestFacts.from_json(facts["policy_facts"])
    assert FACTS["starts_in_freeze"].read(judged) is True


def test_a_freeze_changes_no_decision_of_the_default_policy(
    chat: Service, pool: Pool, ada: User, cleo: User
):
    freeze(None, "03 09:00", "03 12:00", cleo)
    assert ask(chat, ada, units=40).state == CapacityRequest.State.APPROVED


def test_facts_of_before_freezes_are_not_known(chat: Service, ada: User):
    stored = ask(chat, ada, units=60).evidence.get().facts["policy_facts"]
    del stored["starts_in_freeze"]
    assert FACTS["starts_in_freeze"].read(RequestFacts.from_json(stored)) is None


def test_evidence_of_open_requests_follows_freezes(
    waiting: CapacityRequest, pool: Pool, cleo: User
):
    assert waiting.evidence.first().facts["freezes"] == []
    agreed = add_freeze(pool, starts_at=START, ends_at=END, reason="Late.", by=cleo, at=NOON + HOUR)
    assert evidence_rows.refresh_open(at=NOON + HOUR) == 1
    assert evidence_rows.refresh_open(at=NOON + HOUR) == 0
    assert waiting.evidence.first().facts["freezes"][0]["reason"] == "Late."
    end_freeze(agreed, by=cleo, at=NOON + 2 * HOUR)
    assert evidence_rows.refresh_open(at=NOON + 2 * HOUR) == 1
    assert waiting.evidence.first().facts["freezes"] == []


def test_the_burst_form_shows_the_clash_live_and_says_what_it_holds_back(
    browse: Browse, chat: Service, pool: Pool, ada: User, cleo: User
):
    ada.time_zone = "Europe/Amsterdam"
    ada.save(update_fields=["time_zone"])
    freeze(pool, "03 09:00", "03 12:00", cleo)
    window = {"starts_at": "2026-03-03T11:00", "ends_at": "2026-03-03T19:00"}
    typed = {"amount": "40000", **window, "verdict": "yes"}
    address = "/services/chat-assistant/burst/"
    words = words_of(browse(ada).get(address, typed, headers=HTMX))
    assert "Tue 3 Mar, 10:00–13:00, this pool: Quarter-end (the start falls into it" in words
    assert "A start in it waits until it is over" in words


def test_the_card_of_the_inbox_names_the_clash(
    browse: Browse, waiting: CapacityRequest, cleo: User
):
    inbox = browse(cleo)
    card = inbox.get("/requests/inbox/").content.decode()
    assert "<dt>Freeze clashes</dt><dd>none</dd>" in card
    add_freeze(
        None,
        starts_at=utc("2026-03-03 14:00"),
        ends_at=utc("2026-03-03 15:00"),
        reason="Fire drill.",
        by=cleo,
        at=NOON + HOUR,
    )
    evidence_rows.refresh_open(at=NOON + HOUR)
    said = "all pools: Fire drill (it begins later in the window)"
    assert said in words_of(inbox.get("/requests/inbox/"))


# ── The page and the API ─────────────────────────────────────────────────────────────────────


def test_a_platform_owner_agrees_on_the_page_and_ends_it(browse: Browse, pool: Pool, cleo: User):
    hers = browse(cleo)
    assert "No freezes" in words_of(hers.get("/freezes/"))
    typed = {"pool": pool.pk, "starts_at": "2026-03-03T10:00", "ends_at": "2026-03-04T10:00"}
    answer = hers.post("/freezes/", {**typed, "reason": ""})
    assert answer.status_code == 422
    assert "Say why" in words_of(answer)
    assert hers.post("/freezes/", {**typed, "reason": "Migration."}).status_code == 302
    words = words_of(hers.get("/freezes/"))
    assert "Tue 3 Mar, 10:00 – Wed 4 Mar, 10:00" in words
    assert "Nothing starts or grows in its pool while it lasts" in words
    hers.post(f"/freezes/{Freeze.objects.get().pk}/end/")
    assert "Ended early" in words_of(hers.get("/freezes/"))


def test_a_refusal_of_the_service_stands_beside_its_field(browse: Browse, cleo: User):
    typed = {"starts_at": "2026-03-01T10:00", "ends_at": "2026-03-04T10:00", "reason": "Late."}
    answer = browse(cleo).post("/freezes/", {**typed, "pool": "all"})
    assert answer.status_code == 422
    assert "From: A freeze begins now or later" in words_of(answer)


def test_others_see_what_is_agreed_and_cannot_change_it(
    browse: Browse, chat: Service, pool: Pool, ada: User, cleo: User
):
    agreed = freeze(pool, "03 10:00", "03 11:00", cleo)
    hers = browse(ada)
    words = words_of(hers.get("/freezes/"))
    assert "Quarter-end." in words
    assert "Agree on one" not in words
    assert "End now" not in words
    assert hers.post(f"/freezes/{agreed.pk}/end/").status_code == 422
    assert hers.post("/freezes/", {}).status_code == 422
    assert Freeze.objects.get().ended_at is None


def test_dan_of_another_team_sees_no_freeze_of_a_pool_that_feeds_nothing_of_his(
    browse: Browse, chat: Service, pool: Pool, dan: User, cleo: User
):
    hidden = freeze(pool, "03 10:00", "03 11:00", cleo, "Of Ada’s pool.")
    freeze(None, "03 10:00", "03 11:00", cleo, "Of all pools.")
    his = browse(dan)
    words = words_of(his.get("/freezes/"))
    assert "Of all pools." in words
    assert "Of Ada’s pool." not in words
    assert his.post(f"/freezes/{hidden.pk}/end/").status_code == 404
    assert [row["reason"] for row in his.get("/api/v1/freezes/").json()["results"]] == [
        "Of all pools."
    ]
    assert his.post(f"/api/v1/freezes/{hidden.pk}/end/").status_code == 404


def test_the_api_adds_lists_and_ends(browse: Browse, pool: Pool, ada: User, cleo: User):
    body = {"pool": pool.pk, "from": "2026-03-03T11:00:00+01:00", "until": "2026-03-04T10:00:00Z"}
    hers = browse(cleo)
    json = "application/json"
    without = hers.post("/api/v1/freezes/", body, content_type=json)
    assert without.status_code == 400
    made = hers.post("/api/v1/freezes/", {**body, "reason": "Move."}, content_type=json).json()
    assert (made["from"], made["recorded_by"]) == ("2026-03-03T10:00:00Z", "cleo")
    ended = hers.post(f"/api/v1/freezes/{made['id']}/end/").json()
    assert ended["ended_by"] == "cleo"
    refused = browse(ada).post(
        "/api/v1/freezes/", {**body, "pool": None, "reason": "Mine."}, content_type=json
    )
    assert refused.status_code == 422
    assert refused.json()["code"] == "not_yours"


def test_long_lists_take_few_queries(
    browse: Browse, pool: Pool, cleo: User, django_assert_max_num_queries
):
    for hour in range(20):
        freeze(pool, f"03 {hour:02}:00", "04 10:00", cleo, f"Number {hour}.")
    hers = browse(cleo)
    with django_assert_max_num_queries(6):
        hers.get("/freezes/")


def test_a_freeze_of_all_pools_is_chosen_by_name(browse: Browse, pool: Pool, cleo: User):
    typed = {"starts_at": "2026-03-03T10:00", "ends_at": "2026-03-04T10:00", "reason": "Holiday."}
    hers = browse(cleo)
    assert "Where: Choose a pool" in words_of(hers.post("/freezes/", typed))
    hers.post("/freezes/", {**typed, "pool": "all"})
    assert Freeze.objects.get().pool is None


def test_the_page_of_a_pool_lists_those_in_force_and_to_come_earliest_first(
    browse: Browse, pool: Pool, chat: Service, ada: User, cleo: User
):
    address = f"/pools/{pool.pk}/"
    assert "None is in force or agreed for later." in words_of(browse(ada).get(address))
    other = Pool.objects.get()
    other.pk, other.usage_name = None, "OpenAI.GlobalStandard.other"
    other.save(force_insert=True)
    freeze(None, "20 09:00", "20 12:00", cleo, "Holidays.")
    freeze(pool, "02 12:00", "02 18:00", cleo, "Migration.")
    freeze(other, "05 09:00", "05 12:00", cleo, "Of another pool.")
    end_freeze(freeze(pool, "06 09:00", "06 12:00", cleo, "Ended."), by=cleo, at=NOON)
    answer = browse(ada).get(address)
    found = [(row.reason, row.status.word) for row in answer.context["page"].freezes]
    assert found == [("Migration.", "In force"), ("Holidays.", "Upcoming")]
    shown = words_of(answer)
    assert "this pool: Migration." in shown
    assert "all pools: Holidays." in shown
