"""Asking for a burst: prefilled, judged while typing, refused in sentences, whole or not at all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from portal.models import User
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service
from quotas.selectors.burst_form import next_working_hours
from quotas.tests.conftest import HTMX, Browse, ask
from quotas.tests.factories import FakeEvidence, utc

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def form(**more: Any) -> dict[str, Any]:
    """40,000 TPM tomorrow from 10 to 18: under half of the 100 units held."""
    return {
        "amount": "40000",
        "starts_at": "2026-03-03T10:00",
        "ends_at": "2026-03-03T18:00",
        "occasion": "launch",
        "purpose": "The launch.",
        "send": "yes",
        **more,
    }


@pytest.fixture
def address(chat: Service) -> str:
    return reverse("request_burst", args=[chat.slug])


def test_it_begins_with_the_next_working_hours_and_the_own_p95(browse: Browse, address, ada: User):
    answer = browse(ada).get(address)
    initial = answer.context["form"].initial
    assert answer.status_code == 200
    assert initial["amount"] == "80,000"
    assert (initial["starts_at"], initial["ends_at"]) == ("2026-03-03T08:00", "2026-03-03T18:00")
    assert [preset.amount for preset in answer.context["presets"]] == [80_000, 97_000, 100_000]
    assert answer.context["verdict"].fits


def test_it_never_begins_with_more_than_is_free(browse: Browse, address, pool: Pool, ada: User):
    pool.reserve_units = 680  # of 1,000; 300 are held
    pool.save(update_fields=["reserve_units"])
    assert browse(ada).get(address).context["form"].initial["amount"] == "20,000"


def test_times_are_the_persons_own(browse: Browse, address, ada: User):
    ada.time_zone = "Europe/Amsterdam"
    ada.save(update_fields=["time_zone"])
    hers = browse(ada)
    assert hers.get(address).context["form"].initial["starts_at"] == "2026-03-03T08:00"
    hers.post(address, form())
    assert CapacityRequest.objects.get().starts_at == utc("2026-03-03 09:00")


@pytest.mark.parametrize(
    ("at", "starts"),
    [
        ("2026-03-02 06:59", "2026-03-02 08:00"),  # Monday, before eight in Amsterdam
        ("2026-03-02 07:00", "2026-03-03 08:00"),  # eight is now, so no longer to come
        ("2026-03-06 12:00", "2026-03-09 08:00"),  # Friday noon: Monday
    ],
)
def test_the_next_working_hours_skip_the_weekend(at: str, starts: str):
    window = next_working_hours(utc(at), AMSTERDAM)
    assert f"{window.start:%Y-%m-%d %H:%M}" == starts
    assert window.length == timedelta(hours=10)


def test_within_the_policy_it_is_approved_at_once(browse: Browse, address, ada: User):
    answer = browse(ada).post(address, form())
    sent = CapacityRequest.objects.get()
    assert answer["Location"] == reverse("request", args=[sent.pk])
    assert (sent.state, sent.units) == ("approved", 40)


def test_no_message_says_that_a_burst_starts_where_the_pool_only_observes(
    browse: Browse, address, pool: Pool, ada: User
):
    observed = browse(ada).post(address, form(), follow=True)
    assert "nothing is written to Azure" in observed.content.decode()
    assert "starts and ends by itself" not in observed.content.decode()
    Pool.objects.filter(pk=pool.pk).update(mode="apply")
    applied = browse(ada).post(address, form(), follow=True)
    assert "It starts and ends by itself." in applied.content.decode()


def test_beyond_the_policy_it_goes_to_a_person(browse: Browse, address, ada: User):
    answer = browse(ada).post(address, form(amount="60k"), follow=True)
    assert CapacityRequest.objects.get().state == "in_review"
    assert "waits for Platform owners" in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "units"), [("40,000", 40), ("40 000", 40), ("39.5k", 40), ("0.04M", 40), ("1", 1)]
)
def test_amounts_are_read_as_people_write_them(
    browse: Browse, address, ada: User, typed: str, units: int
):
    browse(ada).post(address, form(amount=typed))
    assert CapacityRequest.objects.get().units == units


def test_start_now_needs_no_start(browse: Browse, address, ada: User, noon):
    browse(ada).post(address, form(starts_at="", starts_now="on", ends_at="2026-03-02T14:00"))
    assert CapacityRequest.objects.get().starts_at == utc("2026-03-02 12:00")


BAD = {
    "end before start": ({"ends_at": "2026-03-03T09:00"}, "ends_at", "after the start"),
    "no time at all": ({"ends_at": "2026-03-03T10:00"}, "ends_at", "after the start"),
    "a window in the past": (
        {"starts_at": "2026-03-01T10:00", "ends_at": "2026-03-01T12:00"},
        "ends_at",
        "over already",
    ),
    "a start in the past": ({"starts_at": "2026-03-02T11:00"}, "starts_at", "start now"),
    "a date that is none": ({"starts_at": "2026-02-30T10:00"}, "starts_at", "Write a date"),
    "the first year there is": ({"starts_at": "0001-01-01T00:00"}, "starts_at", "Write a date"),
    "the last year there is": ({"ends_at": "9999-12-31T23:59"}, "ends_at", "Write a date"),
    "a year long": ({"ends_at": "2027-03-03T10:00"}, "ends_at", "31 days at most"),
    "nothing": ({"amount": "0"}, "amount", "more than nothing"),
    "less than nothing": ({"amount": "-5"}, "amount", "whole number"),
    "no number": ({"amount": "plenty"}, "amount", "whole number"),
    "more than the pool": ({"amount": "5M"}, "amount", "whole pool has 1,000,000 tokens"),
    "more than any pool": ({"amount": "9" * 40}, "amount", "could hold"),
    "an empty amount": ({"amount": ""}, "amount", "how much more"),
    "no purpose": ({"purpose": "   "}, "purpose", "approver reads it"),
    "no occasion": ({"occasion": ""}, "occasion", "Choose what the occasion is"),
    "an unknown occasion": ({"occasion": "party"}, "occasion", "one of the listed"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_bad_input_is_a_sentence_beside_its_field_and_nothing_is_written(
    browse: Browse, address, ada: User, case: tuple[dict[str, str], str, str]
):
    wrong, field, sentence = case
    answer = browse(ada).post(address, form(**wrong))
    assert answer.status_code == 422
    assert any(sentence in error for error in answer.context["form"].errors[field])
    assert 'class="error-summary"' in answer.content.decode()
    assert CapacityRequest.objects.count() == 0
    assert LedgerEntry.objects.filter(kind="burst").count() == 0


def test_all_that_is_wrong_is_said_at_once_and_nothing_typed_is_lost(
    browse: Browse, address, ada: User
):
    answer = browse(ada).post(
        address, form(amount="0", ends_at="2026-03-03T09:00", occasion="", purpose="Kept.")
    )
    assert set(answer.context["form"].errors) == {"amount", "ends_at", "occasion"}
    unread = browse(ada).post(address, form(amount="plenty", ends_at="2026-03-03T09:00"))
    assert set(unread.context["form"].errors) == {"amount", "ends_at"}
    assert "Kept." in answer.content.decode()


def test_more_than_is_free_names_the_largest_amount_and_the_longest_window(
    browse: Browse, address, chat: Service, ada: User
):
    ask(chat, ada, units=45, starts_at=utc("2026-03-03 12:00"))
    answer = browse(ada).post(address, form(amount="660k"))
    assert answer.status_code == 422
    sentence = answer.context["form"].errors["amount"][0]
    assert "655,000 tokens per minute would fit" in sentence
    assert "until Tue 03 Mar 12:00 UTC" in sentence
    offers = [dict(parse_qsl(each.sets)) for each in answer.context["verdict"].offers]
    assert {"amount": "655,000"} in offers
    assert {"ends_at": "2026-03-03T12:00"} in offers


def test_an_offer_fills_the_form_in_without_sending_it(browse: Browse, address, ada: User):
    typed = form(amount="800k", set="amount=700000")
    del typed["send"]
    answer = browse(ada).post(address, typed, headers=HTMX)
    assert answer.status_code == 200
    assert answer.templates[0].name == "quotas/asking/_form.html"
    assert answer.context["form"].initial["amount"] == "700000"
    assert "The launch." in answer.content.decode()
    assert CapacityRequest.objects.count() == 0


def test_without_script_a_check_shows_the_verdict_on_the_page(browse: Browse, address, ada: User):
    typed = form(check="yes")
    del typed["send"]
    answer = browse(ada).post(address, typed)
    assert answer.context["verdict"].automatic
    assert "Approved at once" in answer.content.decode()
    assert CapacityRequest.objects.count() == 0


@pytest.fixture
def judge(browse: Browse, chat: Service, ada: User):
    hers = browse(ada)
    address = reverse("request_burst", args=[chat.slug])

    def answer(**typed: str) -> str:
        given = {**form(), **typed, "verdict": "yes"}
        return " ".join(hers.get(address, given, headers=HTMX).content.decode().split())

    return answer


def test_the_live_verdict_tells_fit_rounding_cost_and_who_decides(judge):
    answer = judge(amount="39500")
    assert "It fits" in answer
    assert "40 units give 40,000 tokens and 240 requests per minute" in answer
    assert "rounded up from 39,500" in answer
    assert "140k TPM" in answer
    assert "$61.44" in answer  # 40,000 × 60 × 8 h × $3.20 a million
    assert "Approved at once" in answer


def test_the_live_verdict_names_the_clauses_that_need_a_person(judge):
    answer = judge(amount="60000")
    assert "Goes to Platform owners" in answer
    assert "Asks 60 % of the baseline on top" in answer


def test_the_live_verdict_offers_what_would_fit(judge):
    answer = judge(amount="800000")
    assert "It does not fit" in answer
    assert "Ask for 700k TPM instead" in answer


def test_the_live_verdict_says_what_is_wrong_so_far(judge):
    assert "The end must be after the start." in judge(ends_at="2026-03-03T09:00")
    assert "Say when it ends." in judge(ends_at="")


def test_what_is_not_known_is_said_and_never_counts_as_nought(judge, usage: FakeEvidence):
    usage.answer = replace(
        usage.answer,
        usd_per_million_tokens=None,
        p95_tokens_per_minute=None,
        peak_tokens_per_minute=None,
        replayed_throttled_minutes_now=None,
    )
    answer = judge()
    assert "not known yet" in answer
    assert "Goes to Platform owners" in answer


def test_ben_a_member_and_cleo_are_told_who_may_ask(browse: Browse, address, ben: User, cleo: User):
    for person in (ben, cleo):
        for answer in (browse(person).get(address), browse(person).post(address, form())):
            assert answer.status_code == 422
            assert "Only a lead of the team" in answer.content.decode()
    assert CapacityRequest.objects.count() == 0


def test_another_teams_service_and_an_unknown_one_are_not_found(
    browse: Browse, address, search: Service, dan: User
):
    for slug in ("chat-assistant", "no-such-service"):
        for typed in ({}, form(verdict="yes")):
            burst = reverse("request_burst", args=[slug])
            assert browse(dan).get(burst, typed).status_code == 404
    assert browse(dan).post(address, form()).status_code == 404


def test_another_teams_deployment_is_never_used(
    browse: Browse, address, search: Service, ada: User
):
    foreign = search.deployments.get()
    browse(ada).post(address, form(deployment=str(foreign.pk)))
    assert CapacityRequest.objects.get().deployment.name == "chat"


def test_a_service_without_a_pool_says_so(browse: Browse, address, ada: User):
    Deployment.objects.update(pool=None)
    answer = browse(ada).get(address)
    assert answer.status_code == 422
    assert "no deployment that a quota pool is known to feed" in answer.content.decode()


@pytest.fixture
def provisioned(chat: Service) -> Deployment:
    found = chat.deployments.get()
    found.sku_name, found.step_units = "GlobalProvisionedManaged", 5
    found.tokens_per_minute_per_unit = None
    found.save()
    return found


def test_a_provisioned_burst_is_typed_in_ptus_and_needs_the_yes_to_its_end(
    browse: Browse, address, ada: User, provisioned: Deployment
):
    hers = browse(ada)
    assert hers.get(address).context["form"].unit == "PTU"
    refused = hers.post(address, form(amount="15"))
    assert "does not promise" in refused.context["form"].errors["accepts_provisioned_release"][0]
    odd = hers.post(address, form(amount="7", accepts_provisioned_release="on"))
    assert "steps of 5" in odd.context["form"].errors["amount"][0]
    hers.post(address, form(amount="15", accepts_provisioned_release="on"))
    sent = CapacityRequest.objects.get()
    assert (sent.units, sent.accepts_provisioned_release) == (15, True)


def test_requests_a_minute_may_need_more_units_than_tokens(judge):
    assert "240 requests per minute." in judge(amount="40k", requests_per_minute="240")
    answer = judge(amount="40k", requests_per_minute="250")
    assert "42 units give 42,000 tokens and 252 requests per minute" in answer
    assert "rounded up from 250 requests" in answer


def test_a_deployment_without_a_request_limit_asks_for_none(
    browse: Browse, address, chat: Service, ada: User
):
    assert "And requests a minute" in browse(ada).get(address).content.decode()
    chat.deployments.update(requests_per_minute_per_unit=None)
    assert "And requests a minute" not in browse(ada).get(address).content.decode()
