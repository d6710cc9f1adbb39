"""The protected reserve: who sets it, how much may be kept back, what stands of it afterwards."""

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.kernel.errors import DomainError
from portal.models import AuditRow, User
from quotas.models import CapacityRequest, Pool, PoolLimit, Service
from quotas.services import decisions
from quotas.services.reserves import set_reserve
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import NOON, person, utc

LATER = NOON + timedelta(minutes=5)


def refused(pool: Pool, units: int, by: User, reason: str = "For incidents.") -> str:
    with pytest.raises(DomainError) as found:
        set_reserve(pool, units=units, reason=reason, by=by, at=LATER)
    pool.refresh_from_db()
    return found.value.sentence


def test_a_reserve_has_a_date_a_reason_and_one_audit_row(pool: Pool, cleo: User):
    set_reserve(pool, units=100, reason=" For incidents. ", by=cleo, at=NOON)
    set_reserve(pool, units=40, reason="Less will do.", by=cleo, at=LATER)
    rows = [(row.set_at, row.units, row.was_units, row.reason) for row in pool.reserves.all()]
    assert rows == [(LATER, 40, 100, "Less will do."), (NOON, 100, 0, "For incidents.")]
    pool.refresh_from_db()
    assert pool.reserve_units == 40
    audit = AuditRow.objects.filter(verb="pool.reserve_set").order_by("pk")
    assert [(row.detail["was"], row.detail["now"]) for row in audit] == [(0, 100), (100, 40)]


def test_setting_what_stands_already_writes_nothing(pool: Pool, cleo: User):
    set_reserve(pool, units=0, reason="Nothing.", by=cleo, at=NOON)
    assert not pool.reserves.exists()
    assert not AuditRow.objects.filter(verb="pool.reserve_set").exists()


def test_i01_a_reserve_never_exceeds_what_is_free_at_any_instant_from_now_on(
    pool: Pool, granted: CapacityRequest, cleo: User
):
    """300 are held for ever, 360 tomorrow: 640 are free at every instant, 700 only at times."""
    assert "At most 640 units (640k TPM and 3.84k RPM) can be" in refused(pool, 641, cleo)
    assert pool.reserve_units == 0
    set_reserve(pool, units=640, reason="All that is free.", by=cleo, at=LATER)


def test_what_was_held_in_the_past_does_not_count(pool: Pool, granted: CapacityRequest, cleo: User):
    after = utc("2026-03-03 18:00")
    assert (
        set_reserve(pool, units=700, reason="It is over.", by=cleo, at=after).reserve_units == 700
    )


def test_i01_a_grant_years_ahead_counts_too(pool: Pool, search: Service, cleo: User):
    rows = pool.entries.create(
        deployment=search.deployments.get(),
        service=search,
        units=500,
        effective_from=utc("2031-01-01 00:00"),
        effective_until=utc("2031-01-02 00:00"),
        kind="burst",
        recorded_at=NOON,
    )
    assert f"{rows.effective_from:%d %b %Y}" in refused(pool, 201, cleo)
    set_reserve(pool, units=200, reason="Up to it.", by=cleo, at=LATER)


def test_quota_used_outside_is_not_free_to_keep_back(pool: Pool, cleo: User):
    PoolLimit.objects.create(
        pool=pool, observed_at=NOON, limit_units=1000, azure_used_units=400, outside_units=100
    )
    assert "At most 600 units" in refused(pool, 601, cleo)


def test_it_may_always_be_lowered_even_where_azure_lowered_the_limit(pool: Pool, cleo: User):
    set_reserve(pool, units=500, reason="Plenty.", by=cleo, at=NOON)
    PoolLimit.objects.create(pool=pool, observed_at=NOON, limit_units=250, azure_used_units=300)
    assert "At most 0 units" in refused(pool, 501, cleo)
    set_reserve(pool, units=100, reason="Azure took some.", by=cleo, at=LATER)
    assert pool.reserve_units == 100


@pytest.mark.parametrize(
    ("units", "reason", "sentence"),
    [(-1, "Why not.", "nought or more"), (10, "  ", "Say why"), (10, "x" * 201, "200 characters")],
)
def test_a_wrong_amount_or_reason_is_a_sentence(
    pool: Pool, cleo: User, units: int, reason: str, sentence: str
):
    assert sentence in refused(pool, units, cleo, reason)


def test_a_pool_that_is_gone_unread_or_counts_something_else_keeps_nothing_back(
    pool: Pool, cleo: User
):
    PoolLimit.objects.all().delete()
    assert "has not told the limit" in refused(pool, 10, cleo)
    Pool.objects.update(kind="other")
    assert "holds no capacity" in refused(pool, 10, cleo)
    Pool.objects.update(kind="tokens", gone_at=NOON)
    pool.refresh_from_db()
    assert "holds no capacity" in refused(pool, 10, cleo)


def test_only_a_platform_owner_sets_it(pool: Pool, chat: Service, ada: User, fay: User):
    olga = person("Olga")
    pool.owners.add(olga)
    for user in (ada, fay, olga):
        assert "Only a platform owner" in refused(pool, 10, user)
    assert pool.reserve_units == 0


def test_i01_nothing_is_granted_out_of_the_reserve(
    pool: Pool, chat: Service, ada: User, cleo: User
):
    set_reserve(pool, units=680, reason="Nearly all.", by=cleo, at=NOON)
    decisions.approve(ask(chat, ada, units=20), by=cleo, note="", at=NOON)
    with pytest.raises(DomainError, match="Nothing is free"):
        decisions.approve(ask(chat, ada, units=1), by=cleo, note="", at=NOON)


# The page


def address(pool: Pool, name: str = "pool_reserve") -> str:
    return reverse(name, args=[pool.pk])


def test_cleo_sets_it_in_tokens_and_the_page_tells_its_history(
    browse: Browse, pool: Pool, cleo: User
):
    hers = browse(cleo)
    posted = {"amount": "79,500", "counted_in": "tpm", "reason": "For incidents."}
    answer = hers.post(address(pool), posted, follow=True)
    shown = words_of(answer)
    assert "80 units (80k TPM and 480 RPM) are kept back from now on." in shown
    assert "For incidents." in shown
    assert answer.context["page"].reserve.moves[0].by == "Cleo"


def test_the_form_says_how_much_could_be_kept_back_before_anything_is_typed(
    browse: Browse, pool: Pool, granted: CapacityRequest, cleo: User
):
    assert "At most 640 units (640k TPM and 3.84k RPM) can be" in words_of(
        browse(cleo).get(address(pool))
    )


def test_what_is_typed_is_answered_at_once_in_units_and_tokens(
    browse: Browse, pool: Pool, cleo: User
):
    hers = browse(cleo)
    check = address(pool, "pool_reserve_check")
    good = words_of(hers.get(check, {"amount": "120k", "counted_in": "tpm"}))
    assert "120 units (120k TPM and 720 RPM) would be kept back." in good
    bad = words_of(hers.get(check, {"amount": "900", "counted_in": "units"}))
    assert "Not yet:" in bad
    assert "At most 700 units" in bad
    assert "Write a whole number" in words_of(hers.get(check, {"amount": "many"}))
    pool.refresh_from_db()
    assert pool.reserve_units == 0


@pytest.mark.parametrize(
    ("posted", "sentence"),
    [
        ({"amount": "701", "counted_in": "units", "reason": "x"}, "At most 700 units"),
        ({"amount": "", "reason": "x"}, "Say how much is kept back"),
        ({"amount": "10", "counted_in": "units", "reason": ""}, "Say why"),
        ({"amount": "1.5", "counted_in": "units", "reason": "x"}, "Write a whole number"),
    ],
)
def test_a_form_that_cannot_be_kept_says_why_and_writes_nothing(
    browse: Browse, pool: Pool, cleo: User, posted: dict[str, str], sentence: str
):
    answer = browse(cleo).post(address(pool), posted)
    assert (answer.status_code, sentence in words_of(answer)) == (422, True)
    pool.refresh_from_db()
    assert pool.reserve_units == 0


def test_others_may_read_it_but_not_set_it(
    browse: Browse, pool: Pool, chat: Service, delta, ada: User, fay: User, dan: User, cleo: User
):
    set_reserve(pool, units=100, reason="For incidents.", by=cleo, at=NOON)
    for user in (ada, fay):
        shown = words_of(browse(user).get(address(pool, "pool")))
        assert "100 units (100k TPM and 600 RPM) are kept back" in shown
        assert "Set the reserve" not in shown
        assert browse(user).get(address(pool)).status_code == 422
        assert browse(user).post(address(pool), {"amount": "1"}).status_code == 422
    assert browse(dan).get(address(pool)).status_code == 404
    assert browse(dan).get(address(pool, "pool_reserve_check")).status_code == 404
