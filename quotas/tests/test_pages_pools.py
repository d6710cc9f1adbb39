"""Pools: the list, one pool, the switch between observing and applying."""

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.models import User
from quotas.models import CapacityRequest, Pool, PoolLimit, Service
from quotas.selectors.pools import pool_list
from quotas.tests.conftest import Browse, ask
from quotas.tests.factories import NOON, person, utc


def address(pool: Pool, name: str = "pool") -> str:
    return reverse(name, args=[pool.pk])


def test_the_list_tells_limit_held_and_what_stays_free(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    row = browse(cleo).get(reverse("pools")).context["pools"].rows[0]
    assert (row.limit, row.held, row.fullest, row.free_minimum) == ("1,000", "300", "360", "640")
    assert row.name == "gpt-4o · Global Standard · eastus"
    assert not row.applies


def test_reserve_and_quota_used_outside_are_not_free(pool: Pool, cleo: User):
    pool.reserve_units = 100
    pool.save(update_fields=["reserve_units"])
    PoolLimit.objects.create(
        pool=pool, observed_at=NOON, limit_units=1000, azure_used_units=350, outside_units=50
    )
    assert pool_list(cleo, at=NOON).rows[0].free_minimum == "550"


def test_a_limit_that_azure_lowered_below_what_is_promised_is_an_alarm(
    browse: Browse, pool: Pool, cleo: User
):
    PoolLimit.objects.create(pool=pool, observed_at=NOON, limit_units=250, azure_used_units=300)
    assert "in 1 more is promised than Azure allows" in browse(cleo).get(
        reverse("pools")
    ).content.decode().replace("<strong>", "")
    page = browse(cleo).get(address(pool))
    assert "More is promised than Azure gives." in page.content.decode()
    assert [move.moved for move in page.context["page"].limits.moves] == [
        "▼ −75\u202f% less", "first seen",
    ]  # fmt: skip
    assert page.context["page"].risks.steady_missing == "50 units"


def test_the_list_takes_as_many_queries_for_twenty_pools(
    browse: Browse,
    pool: Pool,
    cleo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    hers = browse(cleo)
    for number in range(20):
        Pool.objects.create(
            subscription_id=pool.subscription_id,
            scope_id=f"region{number}",
            region=f"region{number}",
            usage_name=pool.usage_name,
            kind="tokens",
            first_seen_at=NOON,
            last_seen_at=NOON,
        )
    with django_assert_max_num_queries(10):
        assert hers.get(reverse("pools")).context["pools"].place.total == 21


def test_the_same_bucket_of_two_subscriptions_can_be_told_apart(
    browse: Browse, pool: Pool, cleo: User
):
    assert "…11111111" not in browse(cleo).get(reverse("pools")).content.decode()
    pool.pk, pool.subscription_id = None, "22222222-2222-2222-2222-222222222222"
    pool.save()
    shown = browse(cleo).get(reverse("pools")).content.decode()
    assert "…11111111" in shown
    assert "…22222222" in shown


def test_rows_in_other_units_are_listed_apart(browse: Browse, pool: Pool, cleo: User):
    Pool.objects.filter(pk=pool.pk).update(kind="other")
    found = browse(cleo).get(reverse("pools")).context["pools"]
    assert (len(found.rows), len(found.others)) == (0, 1)


def test_a_pool_without_a_known_limit_says_so(browse: Browse, pool: Pool, cleo: User):
    PoolLimit.objects.all().delete()
    answer = browse(cleo).get(address(pool))
    assert answer.status_code == 200
    assert "has not told a limit yet" in answer.content.decode()


def test_the_pool_page_draws_the_next_thirty_days_by_kind(
    browse: Browse, granted: CapacityRequest, pool: Pool, cleo: User
):
    page = browse(cleo).get(address(pool)).context["page"]
    spec = page.chart.spec
    held = {each["name"]: each["values"] for each in spec["held"]}
    assert spec["kind"] == "pool_timeline"
    assert held["adopted"] == [300.0, 300.0, 300.0]
    assert held["burst"] == [0.0, 60.0, 0.0]
    assert spec["free"] == [700.0, 640.0, 700.0]
    assert [(h.name, h.baseline, h.burst) for h in page.holders] == [
        ("not mapped yet", "200", "0"), ("Chat assistant", "100", "0"),
    ]  # fmt: skip


def test_what_was_given_back_counts_against_bursts(
    browse: Browse, granted: CapacityRequest, pool: Pool, ada: User, cleo: User, noon
):
    noon.move_to(utc("2026-03-03 12:00"))
    browse(ada).post(reverse("request_give_back", args=[granted.pk]))
    page = browse(cleo).get(address(pool)).context["page"]
    held = {each["name"]: each["values"] for each in page.chart.spec["held"]}
    assert set(held["burst"]) == {0.0}
    assert page.row.held == "300"


def test_ada_sees_the_pool_but_no_other_teams_names(
    browse: Browse, chat: Service, search: Service, pool: Pool, ada: User, dan: User
):
    ask(search, dan, units=50)
    answer = browse(ada).get(address(pool))
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert [h.name for h in answer.context["page"].holders] == ["another team", "Chat assistant"]
    assert {e.holder for e in answer.context["page"].entries} == {"another team", "Chat assistant"}
    assert "acme/search" not in shown
    assert "The launch." not in shown


def test_dan_without_a_service_here_sees_nothing(
    browse: Browse, chat, pool: Pool, delta, dan: User
):
    his = browse(dan)
    assert his.get(reverse("pools")).context["pools"].rows == []
    assert his.get(address(pool)).status_code == 404
    assert his.post(address(pool, "pool_mode"), {"mode": "apply"}).status_code == 404


def test_cleo_turns_applying_on_and_off(browse: Browse, pool: Pool, cleo: User):
    hers = browse(cleo)
    shown = hers.get(address(pool)).content.decode()
    assert "Observe only." in shown
    assert "nothing is waiting to be written" in shown
    answer = hers.post(address(pool, "pool_mode"), {"mode": "apply"}, follow=True)
    assert "Applying is on" in answer.content.decode()
    pool.refresh_from_db()
    assert pool.applies
    hers.post(address(pool, "pool_mode"), {"mode": "observe"})
    pool.refresh_from_db()
    assert not pool.applies


@pytest.mark.parametrize("mode", ["", "off", "APPLY"])
def test_an_unknown_mode_is_a_sentence(browse: Browse, pool: Pool, cleo: User, mode: str):
    answer = browse(cleo).post(address(pool, "pool_mode"), {"mode": mode})
    assert answer.status_code == 422
    assert "either observes or applies" in answer.content.decode()


def test_ada_and_fay_may_look_but_not_switch(
    browse: Browse, chat, pool: Pool, ada: User, fay: User
):
    for user in (ada, fay):
        assert "Turn applying on" not in browse(user).get(address(pool)).content.decode()
        answer = browse(user).post(address(pool, "pool_mode"), {"mode": "apply"})
        assert (answer.status_code, "Only an owner" in answer.content.decode()) == (422, True)
    pool.refresh_from_db()
    assert not pool.applies


def test_an_owner_of_the_pool_switches_it(browse: Browse, pool: Pool):
    olga = person("Olga")
    pool.owners.add(olga)
    browse(olga).post(address(pool, "pool_mode"), {"mode": "apply"})
    pool.refresh_from_db()
    assert pool.applies
