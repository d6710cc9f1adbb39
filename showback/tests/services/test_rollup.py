"""The roll-up works out what changed and nothing else, and that equals working out everything."""

from datetime import date, timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.models import Deployment, Service
from showback.models import (
    Attribution,
    CostLine,
    DayBasis,
    MethodDay,
    MonthToDate,
    PriceRow,
    ServiceDay,
    ServiceHour,
    TouchedHour,
    UnmappedDay,
)
from showback.services import day_fill, rollup
from showback.services.day_fill import fill_day
from showback.services.prices import PriceInput, load_prices
from showback.services.rollup import fill_everything, roll_up_and_cost
from showback.services.to_date import SUMMED, sum_from
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import utc
from showback.tests.fakes import random_traffic, steady

START = utc("2026-03-02 09:50")
TODAY = date(2026, 3, 2)
TABLES = (ServiceHour, ServiceDay, MethodDay, UnmappedDay, CostLine, MonthToDate)


def told() -> list[list[tuple[object, ...]]]:
    """Every row of every table that is filled, without its number."""
    found = []
    for table in TABLES:
        names = [field.attname for field in table._meta.fields if field.name != "id"]
        found.append(sorted(table.objects.values_list(*names), key=repr))
    return found


def from_scratch(at) -> list[list[tuple[object, ...]]]:
    """What a fill of every deployment of every day gives."""
    days = set(ServiceDay.objects.values_list("day", flat=True))
    days |= {at.date(), (at - rollup.YESTERDAY_STAYS_OPEN).date()}
    DayBasis.objects.all().delete()
    for table in TABLES:
        table.objects.all().delete()
    for day in days:
        TouchedHour.objects.create(hour=utc(f"{day} 00:00"))
        fill_day(day, at=at, is_going_on=True)
    return told()


def pull(at, *, hours=1) -> None:
    start = at.replace(minute=0, second=0) - hours * HOUR
    pull_window(Window(start, at.replace(second=0)), MINUTE, at=at)


def worked_out(monkeypatch, at) -> dict[date, set[int]]:
    """Which deployments a roll-up at this moment works out, by day."""
    found: dict[date, set[int]] = {}
    real = day_fill.read_facts

    def spy(inputs, chosen):
        found[inputs.day] = set(chosen)
        return real(inputs, chosen)

    with monkeypatch.context() as patched:
        patched.setattr(day_fill, "read_facts", spy)
        roll_up_and_cost(at=at)
    return found


@pytest.fixture
def filled(world):
    pull(START)
    fill_everything(at=START)
    return world


def test_a_minute_later_nothing_is_worked_out(filled, monkeypatch):
    before = told()
    assert worked_out(monkeypatch, START + MINUTE) == {}
    assert told() == before


def test_only_the_deployment_that_was_used_is_worked_out(filled, monkeypatch):
    TouchedHour.objects.create(hour=utc("2026-03-02 08:00"), deployment=filled.chat)
    assert worked_out(monkeypatch, START + MINUTE) == {TODAY: {filled.chat.pk}}
    assert not TouchedHour.objects.exists()


def test_a_new_holder_is_seen_without_a_mark(filled, monkeypatch):
    make.hold(filled.chat, filled.digest, 7, start=utc("2026-03-02 09:00"), kind="burst")
    assert worked_out(monkeypatch, START + MINUTE) == {TODAY: {filled.chat.pk}}
    assert told() == from_scratch(START + MINUTE)


def test_moved_capacity_is_seen_without_a_mark(filled, monkeypatch):
    at = START + 5 * MINUTE
    Deployment.objects.filter(pk=filled.ptu.pk).update(capacity_units=60, observed_at=at)
    assert worked_out(monkeypatch, at) == {TODAY: {filled.ptu.pk}}


def test_when_an_hour_ends_all_are_worked_out_once(filled, monkeypatch):
    everyone = set(Deployment.objects.values_list("pk", flat=True))
    assert worked_out(monkeypatch, utc("2026-03-02 10:03")) == {TODAY: everyone}
    assert worked_out(monkeypatch, utc("2026-03-02 10:04")) == {}


def test_a_service_that_moves_to_another_team_takes_its_day_with_it(filled):
    Service.objects.filter(pk=filled.assistant.pk).update(team=filled.delta)
    roll_up_and_cost(at=START + MINUTE)
    lines = CostLine.objects.filter(service=filled.assistant)
    assert {line.team for line in lines} == {filled.delta}


def test_a_price_works_everything_out_again(filled, monkeypatch):
    load_prices([new_price(3, START)])
    everyone = set(Deployment.objects.values_list("pk", flat=True))
    assert worked_out(monkeypatch, START + MINUTE) == {TODAY: everyone}


def test_days_that_were_missed_are_filled_even_if_time_runs_out(filled):
    later = utc("2026-03-06 10:00")
    for number in (6, 5, 4, 3, 2):
        assert roll_up_and_cost(at=later, seconds=0) == [date(2026, 3, number)]
    assert roll_up_and_cost(at=later, seconds=0) == []
    assert told() == from_scratch(later)


def test_the_running_hour_counts_to_the_minute_that_was_read(filled):
    row = ServiceHour.objects.get(deployment=filled.chat, hour=utc("2026-03-02 09:00"))
    assert (row.minutes_received, row.minutes_expected) == (47, 47)
    assert row.held_unit_minutes == 100 * 47


def new_price(dollars: int, start) -> PriceInput:
    row = PriceRow.objects.filter(model_name="gpt-4o", meter="output").first()
    names = [name for name in PriceInput.__dataclass_fields__ if name != "price"]
    facts = {name: getattr(row, name) for name in names}
    return PriceInput(**{**facts, "effective_from": start}, price=dollars)


NAMES = st.sampled_from(["chat", "ptu", "digest_deployment", "stray"])
SERVICES = st.sampled_from(["assistant", "digest", None])
EVENTS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 400)),
    st.tuples(st.just("pull"), st.integers(1, 6)),
    st.tuples(st.just("pull badly"), st.integers(1, 6)),
    st.tuples(st.just("hold"), NAMES, SERVICES, st.integers(1, 90), st.integers(1, 500)),
    st.tuples(st.just("map"), NAMES, SERVICES),
    st.tuples(st.just("resize"), st.integers(0, 90)),
    st.tuples(st.just("price"), st.integers(1, 50)),
    st.tuples(st.just("gone"), NAMES),
    st.tuples(st.just("roll up")),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=st.lists(EVENTS, max_size=12), seed=st.integers(0, 99))
def test_any_sequence_of_roll_ups_equals_filling_everything(world, events, seed):
    with transaction.atomic():  # the examples of one test share a database
        world.metrics.traffic = random_traffic(seed)
        at = START
        for number, event in enumerate(events):
            at = happens(world, at, number, *event)
        roll_up_and_cost(at=at, seconds=1000)
        assert told() == from_scratch(at)
        transaction.set_rollback(True)


def happens(world, at, number, what, *facts):
    if what == "wait":
        at += facts[0] * MINUTE
    elif what == "pull":
        pull(at, hours=facts[0])
    elif what == "pull badly":
        world.metrics.failing = frozenset({"prompt"})
        pull(at, hours=facts[0])
        world.metrics.failing = frozenset()
    elif what == "hold":
        end = at + facts[3] * MINUTE
        make.hold(getattr(world, facts[0]), of(world, facts[1]), facts[2], start=at, end=end)
    elif what == "map":
        mine = Deployment.objects.filter(pk=getattr(world, facts[0]).pk)
        mine.update(service=of(world, facts[1]))
    elif what == "resize":
        rows = Deployment.objects.filter(pk=world.ptu.pk)
        rows.update(capacity_units=facts[0], observed_at=at)
    elif what == "price":
        load_prices([new_price(facts[0], at + timedelta(seconds=number))])
    elif what == "gone":
        rows = Deployment.objects.filter(pk=getattr(world, facts[0]).pk, gone_at=None)
        rows.update(gone_at=at)
    else:
        roll_up_and_cost(at=at, seconds=1000)
    return at


def of(world, name: str | None) -> Service | None:
    return getattr(world, name) if name else None


def test_a_month_to_date_is_the_sum_of_its_lines_and_service_days(filled):
    pull(utc("2026-03-01 10:00"))
    fill_everything(at=START)
    ServiceDay.objects.filter(service=filled.assistant, day=TODAY).update(team=filled.delta)
    CostLine.objects.filter(service=filled.assistant, day=TODAY).update(team=filled.delta)
    sum_from(TODAY)
    rows = MonthToDate.objects.filter(day=TODAY, is_whole=False)
    assert {row.kind for row in rows} == set(MonthToDate.Kind.values)
    assert rows.filter(service=filled.assistant).count() == 2  # of the team it had, and has
    for row in rows:
        lines = [line for line in CostLine.objects.all() if whose(line) == whose(row)]
        assert row.amount == sum(line.amount or 0 for line in lines)
        assert row.idle == sum(line.amount for line in lines if line.category == "ptu_idle")
        assert row.priced == sum(line.price_id is not None for line in lines)
        assert row.priced + row.unpriced == len(lines)
        used = [each for each in ServiceDay.objects.all() if whose(each) == whose(row)]
        assert row.prompt_tokens == sum(each.prompt_tokens for each in used)
        assert row.minutes_expected == sum(each.minutes_expected for each in used)
        known = [each for each in used if each.held_capacity_tokens is not None]
        assert row.capacity_tokens == sum(each.capacity_tokens for each in known)
    for whole in MonthToDate.objects.filter(day=TODAY, is_whole=True):
        parts = rows.filter(kind=whole.kind, team=whole.team)
        for name in SUMMED:
            assert getattr(whole, name) == sum(getattr(part, name) for part in parts)


def whose(row: CostLine | ServiceDay | MonthToDate) -> tuple[object, ...]:
    """Account and member of a line, a service day or a row of sums."""
    if row.service_id:
        return row.team_id, row.service_id
    kinds = {getattr(row, "category", ""), getattr(row, "kind", "")}
    return "unallocated" in kinds, row.deployment_id


def test_a_late_day_is_in_the_sums_of_the_days_after_it_and_of_no_other_month(filled):
    pull(utc("2026-02-28 10:00"))
    pull(utc("2026-03-01 10:00"))
    fill_everything(at=START)
    wholes = MonthToDate.objects.filter(is_whole=True)
    by_day = dict(wholes.values_list("day").annotate(Sum("amount")))
    lines = dict(CostLine.objects.values_list("day").annotate(Sum("amount")))
    february, first = date(2026, 2, 28), date(2026, 3, 1)
    assert by_day == {
        february: lines[february],
        first: lines[first],
        TODAY: lines[first] + lines[TODAY],
    }


def test_days_by_method_are_the_sums_of_the_hours_behind_them(filled):
    rows = MethodDay.objects.filter(day=TODAY)
    assert {row.method for row in rows} >= {Attribution.HOLDER, Attribution.NONE}
    for row in rows:
        hours = ServiceHour.objects.filter(
            deployment=row.deployment_id, method=row.method, hour__date=TODAY
        )
        assert row.used_tokens == sum(h.prompt_tokens + h.generated_tokens for h in hours)
        assert row.minutes_received == sum(hour.minutes_received for hour in hours)
        assert row.minutes_expected == sum(hour.minutes_expected for hour in hours)
    everything = sum(row.used_tokens for row in rows)
    assert everything == sum(d.prompt_tokens + d.generated_tokens for d in ServiceDay.objects.all())
    assert everything > 0


def test_who_spills_over_is_worked_out_with_the_deployment_that_serves_it(filled, monkeypatch):
    Deployment.objects.filter(pk=filled.ptu.pk).update(spillover_deployment_name="chat")
    assert worked_out(monkeypatch, START + MINUTE) == {TODAY: {filled.ptu.pk}}
    TouchedHour.objects.create(hour=utc("2026-03-02 08:00"), deployment=filled.chat)
    both = {filled.ptu.pk, filled.chat.pk}
    assert worked_out(monkeypatch, START + 2 * MINUTE) == {TODAY: both}
    Deployment.objects.filter(pk=filled.digest_deployment.pk).update(
        spillover_deployment_name="chat"
    )
    both = {filled.ptu.pk, filled.digest_deployment.pk}
    assert worked_out(monkeypatch, START + 3 * MINUTE) == {TODAY: both}


def test_late_minutes_of_the_serving_deployment_change_who_met_refusals(filled):
    Deployment.objects.filter(pk=filled.ptu.pk).update(spillover_deployment_name="chat")
    roll_up_and_cost(at=START + MINUTE)
    before = told()
    assert ServiceDay.objects.get(deployment=filled.ptu, day=TODAY).throttled_requests > 0
    filled.metrics.traffic = served_by_chat
    pull(START)
    roll_up_and_cost(at=START + 2 * MINUTE)
    assert told() != before
    assert ServiceDay.objects.get(deployment=filled.ptu, day=TODAY).throttled_requests == 0
    assert told() == from_scratch(START + 2 * MINUTE)


def served_by_chat(name, minutes):
    values = steady(name, minutes)
    return values | {"spilled": values["throttled"]} if name == "chat" else values
