"""The plan of a pool: what, why, in which order, what room is left; its page and its command."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from portal.kernel.errors import ChangedMeanwhile
from portal.models import AuditRow, User
from quotas.models import CapacityRequest, Change, Plan, Pool, Service
from quotas.selectors.change_list import content_of
from quotas.selectors.changes import change_rows, changes_visible_to
from quotas.selectors.plan_text import NOTHING
from quotas.selectors.pool_plan import PoolPlan, pool_plan
from quotas.services import drift, gates, kill_switch, reconcile
from quotas.services.decisions import approve
from quotas.tests.conftest import Browse, ask, reconcile_at, sync, words_of
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")


def the_plan(pool: Pool, at=START) -> PoolPlan:
    pool.refresh_from_db()
    return pool_plan(pool, operates=True, at=at)


def steps(plan: PoolPlan) -> list[tuple]:
    return [
        (s.number, s.row.deployment, s.units_before, s.units_after, str(s.room_after))
        for s in plan.goes
    ]


def test_shrinks_come_first_and_each_step_says_what_room_it_leaves(
    chat: Service, search: Service, applying: Pool, azure: FakeAzure, ada: User, dan: User, cleo
) -> None:
    approve(ask(chat, ada, units=600), by=cleo, note="", at=NOON)
    evening = {"starts_at": END, "ends_at": utc("2026-03-03 22:00")}
    approve(ask(search, dan, units=600, **evening), by=cleo, note="", at=NOON)
    reconcile_at(azure, START)
    reconcile.plan_all(at=END)
    plan = the_plan(applying, END)
    assert steps(plan) == [
        (1, "acme/chat", 700, 100, "700 units"),
        (2, "acme/search", 200, 800, "100 units"),
    ]
    assert (plan.room_before, plan.room_after) == ("100 units", "100 units")
    assert [step.row.why[0][0].split()[-1] for step in plan.goes] == ["ends", "starts"]


def test_the_page_links_requests_and_says_that_an_observing_pool_writes_nothing(
    browse: Browse, granted: CapacityRequest, pool: Pool, azure: FakeAzure, cleo: User, noon
) -> None:
    address = f"/pools/{pool.pk}/plan/"
    assert "Nothing to do: Azure has what the ledger wants." in words_of(browse(cleo).get(address))
    noon.move_to(START)
    reconcile_at(azure, START)
    answer = browse(cleo).get(address)
    said = words_of(answer)
    assert f'href="{granted.get_absolute_url()}"' in answer.content.decode()
    assert "Azure has room for 700 units now, 640 units afterwards." in said
    assert "nothing of it is written to Azure" in said


def test_only_who_reads_everything_or_operates_the_pool_sees_its_plan(
    browse: Browse, chat: Service, pool: Pool, ada: User, ben: User, dan: User, fay: User
) -> None:
    address = f"/pools/{pool.pk}/plan/"
    pool.owners.add(ben)
    codes = [browse(each).get(address).status_code for each in (ada, dan, ben, fay)]
    assert codes == [404, 404, 200, 200]


@pytest.fixture
def stopped(azure: FakeAzure, pool: Pool) -> Plan:
    """Eight of ten deployments were edited outside."""
    azure.add(*(deployment_seen(f"app{n}", 10) for n in range(8)))
    sync(azure, NOON)
    Pool.objects.update(mode="apply")
    for n in range(8):
        azure.edit(f"app{n}", 12)
    sync(azure, START)
    reconcile_at(azure, START)
    return Plan.objects.exclude(stopped_because="").get()


def test_a_held_plan_is_shown_with_its_reason_and_one_yes_writes_what_was_shown(
    browse: Browse, stopped: Plan, azure: FakeAzure, cleo: User, noon
) -> None:
    noon.move_to(START)
    hers = browse(cleo)
    address = f"/pools/{stopped.pool_id}/plan/"
    answer = hers.get(address)
    assert "8 of 10 deployments differ" in words_of(answer)
    assert len(answer.context["plan"].waits) == 8
    [shown] = answer.context["stopped"]
    hers.post(f"/plans/{stopped.pk}/allow/", {"content": shown.content})
    reconcile_at(azure, START)
    assert {azure.units(f"app{n}") for n in range(8)} == {10}
    row = AuditRow.objects.get(verb="plan.allowed")
    assert (row.actor_id, row.detail) == (cleo.pk, {"changes": 8, "content": shown.content})


def test_a_yes_to_other_content_is_refused_and_writes_nothing(
    stopped: Plan, azure: FakeAzure, ada: User, cleo: User
) -> None:
    content = content_of(stopped.changes.all())
    azure.edit("app0", 13)
    sync(azure, START + timedelta(minutes=5))
    reconcile_at(azure, START + timedelta(minutes=5))
    azure.writes.clear()
    with pytest.raises(ChangedMeanwhile):
        drift.allow_plan(stopped, content=content, by=cleo, at=END)
    reconcile_at(azure, END)
    assert azure.writes == []


def test_a_yes_to_one_edit_of_a_held_plan_writes_that_one_and_no_other(
    stopped: Plan, azure: FakeAzure, cleo: User
) -> None:
    chosen = stopped.changes.get(deployment__name="app0")
    drift.write_back(chosen, by=cleo, reason="Nobody knows of it.", at=START)
    [row] = change_rows(changes_visible_to(cleo).filter(pk=chosen.pk), cleo, at=START)
    assert row.next_try == "within 30 s"
    azure.slow = True
    reconcile_at(azure, START)
    assert azure.writes == [("app0", 10)]
    waiting = stopped.changes.get(deployment__name="app1")
    assert gates.shrinks_go_first(waiting), "I12: it is under way"
    reconcile_at(azure, START + timedelta(minutes=5))
    [row] = change_rows(changes_visible_to(cleo).filter(pk=chosen.pk), cleo, at=START)
    assert [tick for _, tick, _ in row.ticks] == ["done"] * 3
    assert {azure.units(f"app{n}") for n in range(1, 8)} == {12}


def test_where_nothing_is_tried_there_is_no_next_try(stopped: Plan, cleo: User) -> None:
    chosen = stopped.changes.first()
    drift.write_back(chosen, by=cleo, reason="Nobody knows of it.", at=START)
    Pool.objects.update(mode="observe")
    [row] = change_rows(changes_visible_to(cleo).filter(pk=chosen.pk), cleo, at=START)
    assert row.next_try is None


def printed(*flags: str) -> tuple[int, str]:
    out, code = StringIO(), 0
    try:
        call_command("reconcile", *flags, stdout=out)
    except SystemExit as left:
        code = int(left.code or 0)
    return code, out.getvalue()


def test_the_command_says_that_there_is_nothing_to_do(pool: Pool, azure: FakeAzure, noon) -> None:
    assert printed() == (0, NOTHING + "\n")


def test_the_command_prints_the_plan_and_keeps_nothing_of_it(
    granted: CapacityRequest, applying: Pool, azure: FakeAzure, noon
) -> None:
    noon.move_to(START)
    code, text = printed()
    assert code == 2
    assert "gpt-4o · Global Standard · eastus (applying)" in text
    assert f"1. acme/chat: 100 → 160 units (+60), #{granted.pk} starts; planned; room" in text
    assert not Change.objects.exists()


def test_applying_writes_it_and_leaves_an_observing_pool_alone(
    granted: CapacityRequest, pool: Pool, azure: FakeAzure, cleo: User, noon, monkeypatch
) -> None:
    command = "quotas.management.commands.reconcile.capacity_gateway"
    monkeypatch.setattr(command, lambda: azure)
    noon.move_to(START)
    code, text = printed("--apply")
    assert (code, azure.writes) == (2, [])
    assert "1 of these pools only observe: nothing was asked of Azure there." in text
    Pool.objects.update(mode="apply")
    switch = kill_switch.throw(reason="Look.", by=cleo, at=START)
    code, text = printed("--apply")
    assert (code, azure.writes, "the kill switch is on" in text) == (2, [], True)
    kill_switch.turn_off(switch, reason="Looked.", by=cleo, at=START)
    code, text = printed("--apply")
    assert (code, azure.writes) == (0, [("chat", 160)])
    assert "Written, and read back." in text
