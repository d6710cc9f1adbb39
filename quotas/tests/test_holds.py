"""The kill switch stops every write; freezes hold back starts and baselines, and never an end."""

from datetime import UTC, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import override

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import AuditRow, Message, Notice, User
from portal.outbox.wording import said
from quotas.models import (
    CapacityRequest,
    Change,
    Deployment,
    EdgeCheck,
    KillSwitch,
    LedgerEntry,
    Pool,
    Service,
)
from quotas.selectors.grants import grants_of
from quotas.selectors.on_the_way import KILLED
from quotas.services import change_news, drift, kill_switch, prechecks
from quotas.services.burst_news import tell_of_bursts
from quotas.services.freezes import add_freeze, end_freeze
from quotas.services.give_back import give_back
from quotas.services.reconcile import next_due_moment
from quotas.tests.conftest import Browse, ask, reconcile_at, sync, words_of
from quotas.tests.factories import NOON, PLATFORM_OWNER, FakeAzure, person, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
MIDDAY = utc("2026-03-03 12:00")
HOUR = timedelta(hours=1)


def freeze(start: str, end: str, by: User, pool: Pool | None = None):
    window = {"starts_at": utc(f"2026-03-{start}"), "ends_at": utc(f"2026-03-{end}")}
    return add_freeze(pool, **window, reason="Quarter-end.", by=by, at=NOON)


def why_not_applied(granted: CapacityRequest) -> str:
    fresh = CapacityRequest.objects.select_related("deployment__pool").get(pk=granted.pk)
    return grants_of([fresh], at=START)[fresh.pk].standing.not_applied_because


# ── The kill switch ──────────────────────────────────────────────────────────────────────────


def test_the_kill_switch_stops_starts_and_ends_until_it_is_off(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    ask(chat, ada)
    switch = kill_switch.throw(reason="Look first.", by=cleo, at=NOON)
    reconcile_at(azure, START)
    assert azure.writes == []
    kill_switch.turn_off(switch, reason="Looked.", by=cleo, at=MIDDAY)
    reconcile_at(azure, MIDDAY)
    assert azure.units() == 140
    kill_switch.throw(reason="Again.", by=cleo, at=MIDDAY)
    reconcile_at(azure, END)
    assert azure.units() == 140


def test_it_is_asked_immediately_before_each_write(
    chat: Service, search: Service, applying: Pool, azure: FakeAzure, ada: User, dan: User, cleo
) -> None:
    """Thrown while one write is out, nothing follows that one; it is still read back."""
    ask(chat, ada)
    ask(search, dan, units=50)

    def throw() -> None:
        azure.after_write = None
        kill_switch.throw(reason="Stop.", by=cleo, at=START)

    azure.after_write = throw
    reconcile_at(azure, START)
    assert len(azure.writes) == 1
    states = sorted(Change.objects.values_list("state", flat=True))
    assert states == ["planned", "succeeded"]


def test_who_when_and_why_is_kept_and_each_step_is_audited_once(cleo: User, db: None) -> None:
    switch = kill_switch.throw(reason=" Look first. ", by=cleo, at=NOON)
    with pytest.raises(ChangedMeanwhile):
        kill_switch.throw(reason="Me too.", by=cleo, at=NOON)
    kill_switch.turn_off(switch, reason="Looked.", by=cleo, at=MIDDAY)
    with pytest.raises(ChangedMeanwhile):
        kill_switch.turn_off(switch, reason="Looked.", by=cleo, at=MIDDAY)
    row = KillSwitch.objects.get()
    assert (row.reason, row.turned_on_by, row.turned_on_at) == ("Look first.", cleo, NOON)
    assert (row.reason_to_go_on, row.turned_off_by, row.turned_off_at) == ("Looked.", cleo, MIDDAY)
    verbs = AuditRow.objects.filter(subject=f"kill_switch/{row.pk}").values_list("verb", flat=True)
    assert sorted(verbs) == ["kill_switch.turned_off", "kill_switch.turned_on"]


def test_owners_of_the_platform_and_of_pools_hear_of_both_once_each(
    pool: Pool, ada: User, ben: User, cleo: User, dan: User
) -> None:
    """Less the one who did it; what said that it is on counts as read when it is off."""
    pool.owners.add(ada, ben)
    other = person("Olga", PLATFORM_OWNER)
    switch = kill_switch.throw(reason="Look first.", by=cleo, at=NOON)
    with pytest.raises(ChangedMeanwhile):
        kill_switch.throw(reason="Me too.", by=other, at=NOON)
    of_it = Message.objects.filter(notice__subject=f"kill_switch/{switch.pk}")
    told = of_it.filter(notice__event="kill_switch.on")
    assert sorted(told.values_list("person__username", flat=True)) == ["ada", "ben", "olga"]
    sentence = said(told[0].notice, UTC, now=NOON).sentence
    assert sentence.startswith("Cleo threw it: Look first. Nothing is written to Azure")
    kill_switch.turn_off(switch, reason="Looked.", by=other, at=MIDDAY)
    assert not told.unread().exists()
    told = of_it.filter(notice__event="kill_switch.off")
    assert sorted(told.values_list("person__username", flat=True)) == ["ada", "ben", "cleo"]


def test_only_a_platform_owner_throws_it_and_only_with_a_reason(ada: User, cleo: User) -> None:
    with pytest.raises(DomainError, match="platform owner"):
        kill_switch.throw(reason="Mine.", by=ada, at=NOON)
    for empty in ("  ", "x" * 201):
        with pytest.raises(DomainError, match=r"Say (why|it)"):
            kill_switch.throw(reason=empty, by=cleo, at=NOON)
    switch = kill_switch.throw(reason="Look.", by=cleo, at=NOON)
    with pytest.raises(DomainError, match="platform owner"):
        kill_switch.turn_off(switch, reason="Mine.", by=ada, at=NOON)


def test_every_page_says_that_it_is_on_and_a_grant_says_that_it_waits(
    browse: Browse, granted: CapacityRequest, applying, azure: FakeAzure, ada: User, cleo: User,
    noon,
) -> None:  # fmt: skip
    hers, adas = browse(cleo), browse(ada)
    assert "kill switch is on" not in words_of(adas.get("/freezes/"))
    answer = hers.post("/kill-switch/", {"reason": "Look first"})
    assert answer.status_code == 302
    assert "The kill switch is on: Look first." in words_of(adas.get("/freezes/"))
    noon.move_to(START)
    reconcile_at(azure, START)
    [row] = hers.get("/changes/").context["found"].rows
    assert (row.status.word, [tick for _, tick, _ in row.ticks]) == (
        "Kill switch is on", ["done", "held", "waiting"],
    )  # fmt: skip
    assert why_not_applied(granted) == KILLED


def test_the_page_of_the_switch_throws_it_turns_it_off_and_keeps_the_list(
    browse: Browse, ada: User, cleo: User
) -> None:
    hers, adas = browse(cleo), browse(ada)
    assert "Never thrown" in words_of(hers.get("/kill-switch/"))
    assert hers.post("/kill-switch/", {"reason": ""}).status_code == 422
    hers.post("/kill-switch/", {"reason": "Look first."})
    assert "Throw the kill switch" not in words_of(adas.get("/kill-switch/"))
    off = f"/kill-switch/{KillSwitch.objects.get().pk}/off/"
    assert adas.post(off, {"reason": "Mine."}).status_code == 422
    assert KillSwitch.objects.get().is_on
    hers.post(off, {"reason": "Looked."})
    assert "Looked." in words_of(hers.get("/kill-switch/"))


def test_the_banner_costs_no_query(browse: Browse, cleo: User) -> None:
    hers = browse(cleo)
    hers.get("/glossary/")

    def asked() -> int:
        """But for the clock's offset, which tests ask for twice a second."""
        with CaptureQueriesContext(connection) as queries:
            hers.get("/glossary/")
        return sum("portal_clockoffset" not in query["sql"] for query in queries)

    off = asked()
    kill_switch.throw(reason="Look.", by=cleo, at=NOON)
    assert asked() == off


# ── Freezes ──────────────────────────────────────────────────────────────────────────────────


def test_a_start_in_a_freeze_waits_for_its_end_and_says_so(
    browse: Browse, granted: CapacityRequest, applying: Pool, azure: FakeAzure, cleo: User, noon
) -> None:
    freeze("03 09:00", "03 12:00", cleo)
    noon.move_to(START)
    reconcile_at(azure, START)
    assert azure.writes == []
    assert next_due_moment(after=START) == MIDDAY
    [row] = browse(cleo).get("/changes/").context["found"].rows
    assert row.status.word == "Held by a freeze"
    assert "until Tue 3 Mar, 12:00: Quarter-end." in row.sentence
    assert "A freeze holds this back" in why_not_applied(granted)
    assert change_news.tell_of_stuck(at=START + HOUR) == 0
    reconcile_at(azure, MIDDAY)
    assert azure.units() == 160


def test_what_is_stored_of_a_freeze_names_utc_and_a_page_has_the_readers_zone(
    granted: CapacityRequest, applying: Pool, azure: FakeAzure, cleo: User
) -> None:
    freeze("03 09:00", "04 00:00", cleo)
    prechecks.check_edges(gateway=azure, at=START - timedelta(minutes=10))
    reconcile_at(azure, START)
    with override("Europe/Stockholm"):
        assert "until Wed 4 Mar, 01:00: Quarter-end." in why_not_applied(granted)
    tell_of_bursts(at=START + HOUR)
    reconcile_at(azure, END)
    kept = "A freeze holds this back until Wed 4 Mar, 00:00 UTC: Quarter-end."
    assert EdgeCheck.objects.get(edge_at=START).findings[0]["sentence"] == kept
    over = "A freeze held this back; it was to last until Wed 4 Mar, 00:00 UTC: Quarter-end."
    assert Change.objects.get(gave_up_at=END).sentence == over
    said = dict(Notice.objects.values_list("event", "facts__why"))
    assert [said["edge.in_doubt"], said["burst.not_applied"]] == [kept, kept]
    assert said["burst.gave_up"] == over


def test_a_freeze_ended_early_lets_the_start_go(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    agreed = freeze("03 09:00", "03 17:00", cleo, applying)
    ask(chat, ada)
    reconcile_at(azure, START)
    end_freeze(agreed, by=cleo, at=START + HOUR)
    reconcile_at(azure, START + HOUR)
    assert azure.units() == 140


@pytest.mark.parametrize("early", [False, True])
def test_ends_and_give_backs_go_through_a_freeze(
    early: bool, chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    burst = ask(chat, ada)
    reconcile_at(azure, START)
    freeze("03 11:00", "05 00:00", cleo)
    if early:
        give_back(burst, by=ada, reason="", at=MIDDAY)
    reconcile_at(azure, MIDDAY if early else END)
    assert azure.units() == 100


def test_an_end_inside_a_freeze_leaves_a_baselines_decrease_for_later(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    ask(chat, ada)
    reconcile_at(azure, START)
    freeze("03 11:00", "05 00:00", cleo)
    steady = LedgerEntry.objects.get(kind="adopted", service=chat)
    LedgerEntry.objects.create(
        pool=applying,
        deployment=steady.deployment,
        service=chat,
        units=-50,
        effective_from=MIDDAY,
        effective_until=steady.effective_until,
        kind="reversal",
        reverses=steady,
        recorded_at=MIDDAY,
    )
    reconcile_at(azure, MIDDAY)
    assert azure.units() == 140, "the baseline's decrease waits"
    reconcile_at(azure, END)
    assert azure.units() == 100, "the burst's end does not"
    assert Deployment.objects.get(name="chat").settled_units == 100
    reconcile_at(azure, END + HOUR)
    assert Change.objects.get(state="planned").held_by is not None
    reconcile_at(azure, utc("2026-03-05 00:00"))
    assert azure.units() == 50


def test_a_lead_before_a_freeze_does_not_slip_its_start_in(
    chat: Service, pool: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    Pool.objects.update(mode="apply", lead=timedelta(minutes=15))
    freeze("03 10:00", "03 12:00", cleo)
    ask(chat, ada)
    reconcile_at(azure, START - timedelta(minutes=15))
    assert azure.writes == []
    assert Change.objects.get().held_by is not None


def test_a_freeze_agreed_while_the_write_is_prepared_still_holds_it(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    """Planned before it was agreed, asked again under the pool's lock."""
    from quotas.services import apply, reconcile

    ask(chat, ada)
    reconcile.plan_all(at=START)
    add_freeze(None, starts_at=START, ends_at=END, reason="Now.", by=cleo, at=START)
    apply.apply_due(gateway=azure, now=lambda: START)
    assert azure.writes == []
    assert Change.objects.get().held_by is not None


def test_what_was_edited_outside_is_written_back_in_a_freeze_once_somebody_agrees(
    chat: Service, applying: Pool, azure: FakeAzure, cleo: User
) -> None:
    freeze("03 09:00", "03 17:00", cleo)
    azure.edit("chat", 70)
    sync(azure, MIDDAY)
    reconcile_at(azure, MIDDAY)
    drift.write_back(Change.objects.get(), by=cleo, reason="A test.", at=MIDDAY)
    reconcile_at(azure, MIDDAY)
    assert azure.units() == 100
