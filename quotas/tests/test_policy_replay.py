"""The replay of a policy over a made quarter: counted, compared, and held against the pool."""

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.availability import Room, fit
from quotas.domain.ledger import Entry, Step
from quotas.domain.policy import DEFAULT, Policy, stored
from quotas.domain.policy_judge import judge
from quotas.domain.policy_past import PoolPast
from quotas.domain.policy_replay import Case, replay
from quotas.models import CapacityRequest, Evidence, Pool, PoolLimit, Service
from quotas.selectors.policy_replay import replayed
from quotas.selectors.policy_replay_page import replay_page
from quotas.services import decisions, give_back
from quotas.services.requests import withdraw
from quotas.tests.conftest import ask
from quotas.tests.factories import NOON
from quotas.tests.made_policies import GOOD

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = NOON + 100 * DAY  # the deployments were adopted at NOON


def lenient(**limits: Any) -> Policy:
    """The default with other values in its rule for ordinary bursts, by fact."""
    document = copy.deepcopy(DEFAULT.as_json())
    for condition in document["rules"][2]["when"]:
        condition["value"] = limits.get(condition["fact"], condition["value"])
    return stored(document)


def burst(service: Service, by: User, *, days: int, **more: Any) -> CapacityRequest:
    """Asked so many days before TODAY, for the day after from 10 to 18."""
    at = TODAY - days * DAY
    start = (at + DAY).replace(hour=10)
    window = {"starts_at": start, "ends_at": start + 8 * HOUR}
    return ask(service, by, at=at, **{**window, **more})


def test_a_made_quarter_is_counted_and_compared(
    chat: Service, search: Service, ada: User, dan: User, cleo: User
) -> None:
    small = [burst(chat, ada, days=days) for days in (80, 60, 40)]
    large = [burst(chat, ada, days=days, units=60) for days in (70, 50)]
    decisions.approve(large[0], by=cleo, note="Good.", at=large[0].submitted_at)
    decisions.deny(large[1], by=cleo, note="No.", at=large[1].submitted_at)
    huge = burst(search, dan, days=30, units=300)
    withdraw(huge, by=dan, at=huge.submitted_at)
    burst(search, dan, days=95)  # before the 90 days

    same = replayed(DEFAULT, at=TODAY)
    assert (same.total, same.automatic, same.was_automatic) == (6, 3, 3)
    assert not same.changed
    assert not same.collisions

    found = replayed(lenient(share_of_baseline="0.6"), at=TODAY)
    assert (found.total, found.automatic, found.was_automatic) == (6, 5, 3)
    assert {each.request_id for each in found.changed} == {request.pk for request in large}
    assert not found.collisions
    assert {request.state for request in small} == {"approved"}

    stricter = replayed(lenient(hours="4"), at=TODAY)
    assert stricter.automatic == 0
    assert len(stricter.changed) == 3


def test_a_yes_that_the_pool_had_no_room_for_is_a_collision(
    chat: Service, search: Service, ada: User, dan: User, cleo: User
) -> None:
    """The pool has 1,000 units, 300 of them adopted; 600 were granted to somebody else later."""
    refused = burst(chat, ada, days=30, units=300)
    decisions.deny(refused, by=cleo, note="Kept for search.", at=refused.submitted_at)
    later = burst(search, dan, days=30, units=600)
    decisions.approve(later, by=cleo, note="", at=later.submitted_at)
    generous = lenient(share_of_baseline="3", pool_peak_share="1", cost_if_fully_used="5000")
    found = replayed(generous, at=TODAY)
    assert found.collisions == (refused.pk,)
    page = replay_page(generous, at=TODAY)
    assert page.sentence == "Would have auto-approved 2 of 2, 1 collision."
    assert (page.rows[0].id, page.rows[0].collides) == (refused.pk, True)
    assert page.rows[0].happened == "Denied"


def test_what_would_have_been_given_counts_against_what_comes_after(
    chat: Service, ada: User, cleo: User
) -> None:
    """Each of two would have fitted, not both: 700 units are free."""
    two = [burst(chat, ada, days=30, units=400) for _ in range(2)]
    for request in two:
        decisions.deny(request, by=cleo, note="No.", at=request.submitted_at)
    found = replayed(
        lenient(share_of_baseline="5", pool_peak_share="1", cost_if_fully_used="5000"), at=TODAY
    )
    assert found.collisions == (two[1].pk,)


def test_what_was_granted_and_given_back_collides_with_nothing(
    chat: Service, ada: User, cleo: User
) -> None:
    first = burst(chat, ada, days=30, units=600)
    decisions.approve(first, by=cleo, note="", at=first.submitted_at)
    give_back.give_back(first, by=ada, reason="", at=first.submitted_at + HOUR)
    second = burst(chat, ada, days=30, units=600)
    decisions.deny(second, by=cleo, note="No.", at=second.submitted_at)
    found = replayed(
        lenient(share_of_baseline="6", pool_peak_share="1", cost_if_fully_used="5000"), at=TODAY
    )
    assert found.automatic == 2
    assert not found.collisions


def test_room_is_what_it_was_then(chat: Service, pool: Pool, ada: User, cleo: User) -> None:
    """Azure had lowered the limit for a while when it would have been on."""
    asked = burst(chat, ada, days=30, units=300)
    decisions.deny(asked, by=cleo, note="No.", at=asked.submitted_at)
    generous = lenient(share_of_baseline="3")
    assert not replayed(generous, at=TODAY).collisions
    PoolLimit.objects.update(observed_at=NOON)
    for hour, limit in ((1, 400), (2, 1000)):
        at = asked.starts_at + hour * HOUR
        PoolLimit.objects.create(pool=pool, observed_at=at, limit_units=limit, azure_used_units=300)
    assert replayed(generous, at=TODAY).collisions == (asked.pk,)


def test_a_request_from_before_facts_were_kept_is_left_out(chat: Service, ada: User) -> None:
    asked = burst(chat, ada, days=30)
    row = Evidence.objects.get(request=asked)
    row.facts.pop("policy_facts")
    row.save(update_fields=["facts"])
    assert replayed(DEFAULT, at=TODAY).total == 0
    assert "Nothing was asked" in replay_page(DEFAULT, at=TODAY).sentence


def test_the_number_of_questions_does_not_grow_with_the_requests(
    chat: Service, ada: User, django_assert_num_queries: Any
) -> None:
    burst(chat, ada, days=30)
    with django_assert_num_queries(7):
        replayed(DEFAULT, at=TODAY)
    for days in (20, 25):
        burst(chat, ada, days=days, units=1)
    with django_assert_num_queries(7):
        replayed(DEFAULT, at=TODAY)


moments = st.integers(0, 48).map(lambda hours: NOON + hours * HOUR)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(moments)
    return Window(start, start + draw(st.integers(1, 24)) * HOUR)


entries = st.builds(
    Entry,
    deployment_id=st.just(1),
    units=st.integers(1, 60),
    window=windows(),
    request_id=st.none() | st.integers(100, 103),
)


@given(st.lists(entries, max_size=8), st.integers(0, 200), windows(), st.integers(1, 60))
def test_the_past_of_a_pool_answers_as_the_ledger_does(
    held: list[Entry], room: int, window: Window, units: int
) -> None:
    """With one room for all time; the arrays are only a quicker way to ask the same."""
    wanted = Entry(1, units, window, request_id=7)
    expected = fit(held, Room(room), window, units).fits
    assert PoolPast(held, [Step(NOON, room)]).takes(wanted) is expected


@given(
    st.lists(entries, max_size=6), st.lists(entries, min_size=1, max_size=6), st.integers(0, 200)
)
def test_what_does_not_collide_would_have_fitted_together(
    held: list[Entry], asked: list[Entry], room: int
) -> None:
    """Everything that the replay lets through is held at once without being over the room."""
    cases = [
        Case(n, replace(GOOD, extra_units=wanted.units), judge(GOOD, YES), 1,
             replace(wanted, request_id=n))
        for n, wanted in enumerate(asked, start=1)
    ]  # fmt: skip
    past = PoolPast(held, [Step(NOON, room)])
    found = replay(cases, YES, {1: past})
    taken = [c.wanted for c in cases if c.request_id not in found.collisions and c.wanted]
    for each in taken:
        assert fit([*held, *taken], Room(room), each.window, 0).peak_held_units <= room


YES = lenient(share_of_baseline="10")


def test_a_pool_of_which_nothing_was_told_has_no_room() -> None:
    wanted = Entry(1, 1, Window(NOON, NOON + HOUR), request_id=7)
    assert not PoolPast([], []).takes(wanted)
