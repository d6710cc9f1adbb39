"""Shared deployments from end to end: who is charged, what a change of rules does, what is kept."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet, Sum

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import FOREVER, HOUR, MINUTE, Window
from portal.models import AuditRow, Role
from quotas.models import Deployment
from showback.gateway import CallerKey
from showback.models import (
    Caller,
    CallerHour,
    CallerMapping,
    CostLine,
    ServiceDay,
    ServiceHour,
    SharedDeployment,
    SplitRule,
    SplitShare,
    TouchedHour,
    UnmappedDay,
    UsageHour,
)
from showback.services import caller_pull
from showback.services.caller_mapping import map_caller, map_callers
from showback.services.caller_pull import pull_source, workspaces
from showback.services.dated import Clash
from showback.services.rollup import fill_everything
from showback.services.sharing import end_sharing, end_split_rule, set_split_rule, share_deployment
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import utc
from showback.tests.fakes import FakeCallers, share_of_steady

START, AT = utc("2026-03-02 06:00"), utc("2026-03-02 14:30")
DAY = "2026-03-02"
HOST = "acme.openai.azure.com"
COUNTS = ("ok_requests", "throttled_requests", "prompt_tokens", "generated_tokens")


@pytest.fixture
def shared(world, settings, monkeypatch):
    """Chat is shared since 06:00; its gateway counts 6 + 3 of its 10 requests a minute."""
    settings.HEADROOM_LOG_WORKSPACES = ["22222222-2222-2222-2222-222222222222"]
    world.cleo = make.person("Cleo", Role.PLATFORM_OWNER)
    keys = [CallerKey(name, "ai-apps", HOST, "chat") for name in ("assistant-key", "digest-key")]
    world.logs = FakeCallers(keys, share_of_steady({"assistant-key": 6, "digest-key": 3}))
    monkeypatch.setattr(caller_pull, "caller_source", world.logs)
    pull_window(Window(START, AT), MINUTE, at=AT)
    pull_source(workspaces(at=AT)[0], Window(START, AT - HOUR), at=AT)
    share_deployment(world.chat.pk, start=START, reason="x", by=world.cleo, at=AT)
    return world


def give(world, caller: str, service, start=START, *, at=AT):
    row = Caller.objects.get(key=caller, kind="subscription")
    return map_caller(row, service_id=service.pk, start=start, by=world.cleo, at=at)


def split(world, shares, start=START, until=None, *, at=AT, reason="The team's estimate."):
    points = {service.pk: share for service, share in shares.items()}
    return set_split_rule(
        world.chat.pk, points, start=start, until=until, reason=reason, by=world.cleo, at=at
    )


def prompt_by_method(hour: str) -> dict[tuple[str | None, str], int]:
    rows = ServiceHour.objects.filter(deployment__name="chat", hour=utc(f"{DAY} {hour}"))
    return {(r.service.name if r.service else None, r.method): r.prompt_tokens for r in rows}


def check_whole() -> None:
    """Every hour of every deployment: Σ services + unattributed = what Azure counted."""
    for row in UsageHour.objects.all():
        parts = ServiceHour.objects.filter(deployment_id=row.deployment_id, hour=row.hour)
        sums = parts.aggregate(**{f"all_{name}": Sum(name) for name in COUNTS})
        assert [sums[f"all_{name}"] for name in COUNTS] == [getattr(row, name) for name in COUNTS]


def test_what_the_gateway_counted_is_its_services_and_the_rest_is_nobodys(shared):
    give(shared, "assistant-key", shared.assistant)
    give(shared, "digest-key", shared.digest)
    fill_everything(at=AT)
    assert prompt_by_method("07:00") == {
        ("Assistant", "gateway"): 36_000,
        ("Digest", "gateway"): 18_000,
        (None, "none"): 6_000,
    }
    check_whole()
    costs = CostLine.objects.filter(deployment=shared.chat, meter="input")
    assert set(costs.values_list("service__name", flat=True)) == {"Assistant", "Digest", None}


def test_a_rule_takes_what_the_gateway_did_not_see_and_hours_it_was_not_read(shared):
    give(shared, "assistant-key", shared.assistant)
    give(shared, "digest-key", shared.digest)
    split(shared, {shared.assistant: 2_500, shared.digest: 7_500})
    fill_everything(at=AT)
    assert prompt_by_method("07:00")["Digest", "split"] == 4_500
    assert prompt_by_method("13:00") == {  # the gateway was read until 13:30
        ("Assistant", "gateway"): 18_000,
        ("Digest", "gateway"): 9_000,
        ("Assistant", "split"): 8_250,
        ("Digest", "split"): 24_750,
    }
    check_whole()


def test_minutes_of_a_day_count_once_however_many_methods_an_hour_has(shared):
    give(shared, "assistant-key", shared.assistant)
    split(shared, {shared.assistant: 10_000})
    fill_everything(at=AT)
    day = ServiceDay.objects.get(deployment=shared.chat, service=shared.assistant)
    unattributed = ServiceDay.objects.get(deployment=shared.chat, service=None)
    assert day.minutes_received <= day.minutes_expected <= 24 * 60
    assert day.minutes_expected >= unattributed.minutes_expected
    assert day.held_capacity_tokens is not None  # of the hours before it was shared


def test_before_it_was_shared_it_was_its_holders(shared):
    pull_window(Window(utc(f"{DAY} 04:00"), START), MINUTE, at=AT)
    fill_everything(at=AT)
    assert prompt_by_method("05:00") == {("Assistant", "holder"): 60_000}
    assert prompt_by_method("06:00").keys() == {(None, "none")}


def test_a_caller_without_a_mapping_waits_in_unattributed_and_a_mapping_gives_its_past(shared):
    give(shared, "assistant-key", shared.assistant)
    fill_everything(at=AT)
    assert prompt_by_method("07:00")[None, "none"] == 24_000
    map_callers({Caller.objects.get(key="digest-key"): shared.digest.pk}, by=shared.cleo, at=AT)
    fill_everything(at=AT)
    assert prompt_by_method("07:00")[None, "none"] == 6_000
    check_whole()


def test_callers_are_nobodys_in_hours_without_a_mapping_while_what_they_call_is_shared(shared):
    give(shared, "assistant-key", shared.assistant, utc(f"{DAY} 10:00"))
    end_sharing(shared.chat.pk, end=utc(f"{DAY} 12:00"), by=shared.cleo, at=AT)
    fill_everything(at=AT)
    found = {row.caller.key: row for row in UnmappedDay.objects.all()}
    assert {key: row.hours for key, row in found.items()} == {"assistant-key": 4, "digest-key": 6}
    for key, end in (("assistant-key", 10), ("digest-key", 12)):
        counted = CallerHour.objects.filter(caller__key=key, hour__lt=utc(f"{DAY} {end}:00"))
        assert found[key].used_tokens == sum(row.prompt + row.generated for row in counted) > 0
        logged = [row.filtered for row in counted if row.filtered is not None]
        assert (found[key].logged, found[key].filtered) == (len(logged), sum(logged))
    before = list(UnmappedDay.objects.values("caller", "day", "used_tokens", "hours").order_by())
    TouchedHour.objects.create(hour=START)  # all of them, worked out again
    fill_everything(at=AT)
    after = list(UnmappedDay.objects.values("caller", "day", "used_tokens", "hours").order_by())
    assert sorted(before, key=str) == sorted(after, key=str)


def test_a_product_stands_for_its_subscriptions_that_have_no_mapping(shared):
    give(shared, "digest-key", shared.digest)
    product = Caller.objects.get(kind="product")
    map_caller(product, service_id=shared.assistant.pk, start=START, by=shared.cleo, at=AT)
    fill_everything(at=AT)
    assert prompt_by_method("07:00")["Assistant", "gateway"] == 36_000
    assert prompt_by_method("07:00")["Digest", "gateway"] == 18_000


def test_a_mapping_holds_from_the_hour_it_begins(shared):
    give(shared, "assistant-key", shared.assistant)
    give(shared, "assistant-key", shared.digest, utc(f"{DAY} 09:00"))
    fill_everything(at=AT)
    assert ("Assistant", "gateway") in prompt_by_method("08:00")
    assert ("Assistant", "gateway") not in prompt_by_method("09:00")
    rows = CallerMapping.objects.order_by("effective_from")
    assert [row.effective_until for row in rows] == [utc(f"{DAY} 09:00"), FOREVER]


def test_the_end_of_sharing_gives_the_hours_after_it_back_to_the_holder(shared):
    end_sharing(shared.chat.pk, end=utc(f"{DAY} 10:00"), by=shared.cleo, at=AT)
    fill_everything(at=AT)
    assert prompt_by_method("09:00").keys() == {(None, "none")}
    assert prompt_by_method("10:00") == {("Assistant", "holder"): 60_000}


def test_a_shared_ptu_is_paid_by_use_and_its_idle_part_by_its_holder(shared):
    share_deployment(shared.ptu.pk, start=START, reason="x", by=shared.cleo, at=AT)
    points = {shared.digest.pk: 10_000}
    set_split_rule(
        shared.ptu.pk, points, start=START, until=None, reason="x", by=shared.cleo, at=AT
    )
    fill_everything(at=AT)
    lines = CostLine.objects.filter(deployment=shared.ptu, meter="ptu_hour")
    hours = {(row.service.name if row.service else None, row.category) for row in lines}
    assert ("Digest", "ptu_used") in hours
    assert ("Assistant", "ptu_idle") in hours
    assert (None, "unallocated") in hours
    deployed = lines.aggregate(q=Sum("quantity"))["q"]
    assert deployed == Decimal(50) * Decimal("14.45")  # 50 PTUs from midnight to 14:27


def test_changes_leave_one_audit_row_each_and_marks(shared):
    TouchedHour.objects.all().delete()
    before = AuditRow.objects.count()
    give(shared, "assistant-key", shared.assistant)
    rule = split(shared, {shared.assistant: 10_000})
    end_split_rule(rule.pk, by=shared.cleo, at=AT)
    assert AuditRow.objects.count() == before + 3
    verbs = list(AuditRow.objects.order_by("pk").values_list("verb", flat=True))[-3:]
    assert verbs == ["caller.mapped", "split_rule.set", "split_rule.ended"]
    assert set(TouchedHour.objects.values_list("deployment_id", flat=True)) == {shared.chat.pk}


@pytest.mark.parametrize(
    ("shares", "words"),
    [({1: 9_000}, "10 % less"), ({1: 9_000, 2: 1_100}, "1 % more"), ({}, "above nought")],
)
def test_shares_that_are_not_the_whole_are_refused(shared, shares, words):
    with pytest.raises(DomainError, match=words):
        set_split_rule(
            shared.chat.pk, shares, start=AT, until=None, reason="", by=shared.cleo, at=AT
        )
    assert not SplitRule.objects.exists()


def test_the_past_needs_a_reason_and_older_months_stay(shared):
    with pytest.raises(DomainError, match="Give the reason"):
        split(shared, {shared.assistant: 10_000}, reason=" ")
    with pytest.raises(DomainError, match="Figures before 01 Feb 2026"):
        split(shared, {shared.assistant: 10_000}, utc("2026-01-31 23:00"))
    with pytest.raises(DomainError, match="whole hours"):
        split(shared, {shared.assistant: 10_000}, START + timedelta(minutes=1))


def test_a_rule_takes_over_and_clashes_are_told(shared):
    old = split(shared, {shared.assistant: 10_000})
    new = split(shared, {shared.digest: 10_000}, utc(f"{DAY} 20:00"), reason="")
    old.refresh_from_db()
    assert old.effective_until == new.effective_from
    with pytest.raises(Clash, match="Another split rule begins at Mon 02 Mar 2026, 20:00"):
        split(shared, {shared.digest: 10_000}, utc(f"{DAY} 15:00"))
    split(shared, {shared.digest: 10_000}, utc(f"{DAY} 15:00"), utc(f"{DAY} 20:00"))
    assert SplitRule.objects.count() == 3


def end_of_transaction(lost: "QuerySet[SplitShare]") -> None:
    """Deletes, and has the database check what it would check at the commit."""
    lost.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_itself_refuses_shares_that_are_not_whole_and_overlaps(shared):
    rule = split(shared, {shared.assistant: 5_000, shared.digest: 5_000})
    with pytest.raises(IntegrityError, match="sum to 5000"), transaction.atomic():
        end_of_transaction(SplitShare.objects.filter(rule=rule, service=shared.digest))
    for table, more in (
        (SharedDeployment, {"deployment": shared.chat}),
        (SplitRule, {"deployment": shared.chat}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            table.objects.create(effective_from=AT, effective_until=FOREVER, recorded_at=AT, **more)


def test_a_race_is_told_as_one(shared, monkeypatch):
    split(shared, {shared.assistant: 10_000})
    monkeypatch.setattr("showback.services.sharing.make_room", lambda *a, **k: [])
    with pytest.raises(ChangedMeanwhile):
        split(shared, {shared.digest: 10_000})


def test_sharing_twice_is_refused(shared):
    with pytest.raises(DomainError, match="shared already"):
        share_deployment(shared.chat.pk, start=AT.replace(minute=0), by=shared.cleo, at=AT)
    assert Deployment.objects.filter(pk=shared.chat.pk, service=shared.assistant).exists()


def test_sharing_from_a_past_hour_needs_a_reason(shared):
    with pytest.raises(DomainError, match="Give the reason"):
        share_deployment(shared.ptu.pk, start=START, by=shared.cleo, at=AT)
    assert not SharedDeployment.objects.filter(deployment=shared.ptu).exists()


def test_sharing_from_a_past_hour_is_rolled_up_again(shared):
    fill_everything(at=AT)
    assert ServiceHour.objects.filter(deployment=shared.ptu, method="holder").exists()
    start = utc(f"{DAY} 10:00")
    share_deployment(shared.ptu.pk, start=start, reason="Late news.", by=shared.cleo, at=AT)
    fill_everything(at=AT)
    later = ServiceHour.objects.filter(deployment=shared.ptu, hour__gte=start)
    assert set(later.values_list("service", "method")) == {(None, "none")}
    earlier = ServiceHour.objects.filter(deployment=shared.ptu, hour__lt=start)
    assert "none" not in earlier.values_list("method", flat=True)
