"""What could be asked instead: on the page, by API, and sent as it was offered."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.models import User
from quotas.models import (
    AzureAccount,
    CapacityRequest,
    DeployableModel,
    Deployment,
    Freeze,
    Pool,
    PoolLimit,
    Service,
)
from quotas.services import decisions
from quotas.tests.conftest import HTMX, Browse, ask, words_of
from quotas.tests.factories import NOON, utc

FORM = {
    "amount": "800k",
    "starts_at": "2026-03-03T10:00",
    "ends_at": "2026-03-03T18:00",
    "occasion": "launch",
    "purpose": "The launch.",
}
BODY = {
    "service": "chat-assistant", "units": 800,
    "starts_at": "2026-03-03T10:00:00Z", "ends_at": "2026-03-03T18:00:00Z",
}  # fmt: skip


@pytest.fixture
def address(chat: Service) -> str:
    return reverse("request_burst", args=[chat.slug])


def another_place(
    chat: Service, region: str, *, sku: str = "DataZoneStandard", limit: int = 900
) -> Deployment:
    """Of the same service and model, in another account and pool."""
    first = chat.deployments.get(name="chat")
    account = AzureAccount.objects.create(
        subscription_id=first.account.subscription_id, resource_group="rg", region=region,
        resource_id=f"/{region}", resource_key=f"/{region}", name=f"acme-{region}", kind="OpenAI",
        first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip
    pool = Pool.objects.create(
        subscription_id=account.subscription_id, scope_id=region, region=region, kind="tokens",
        usage_name=f"OpenAI.{sku}.gpt-4o", first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip
    PoolLimit.objects.create(pool=pool, observed_at=NOON, limit_units=900, azure_used_units=0)
    return Deployment.objects.create(**{
        **{f.name: getattr(first, f.name) for f in Deployment._meta.fields if f.name != "id"},
        "account": account, "pool": pool, "sku_name": sku, "service": chat, "name": "chat-2",
        "capacity_units": 1, "resource_id": f"/{region}/2", "resource_key": f"/{region}/2",
    })  # fmt: skip


def a_place_to_plan(chat: Service, region: str, *, sku: str = "DataZoneStandard") -> str:
    """The same model in an account and pool in which the service is not; its name for a form."""
    there = another_place(chat, region, sku=sku)
    model = DeployableModel.objects.get(region="eastus")
    model.pk, model.pool, model.region, model.sku_name = None, there.pool, region, sku
    model.save(force_insert=True)
    there.delete()
    return f"{there.account_id}-{model.pk}"


def verdict(hers: Any, address: str, **more: str) -> Any:
    typed = {k: v for k, v in FORM.items() if k not in ("purpose", "occasion")}
    return hers.get(address, {**typed, **more, "verdict": "yes"}, headers=HTMX)


def count_of(queries: CaptureQueriesContext) -> int:
    """Without that for the clock's offset, which is asked for by whatever comes first."""
    return sum("portal_clockoffset" not in query["sql"] for query in queries)


def test_what_does_not_fit_offers_less_another_time_and_another_place(
    browse: Browse, address: str, chat: Service, ada: User
):
    ask(chat, ada, units=45, starts_at=utc("2026-03-03 12:00"))
    there = another_place(chat, "swedencentral")
    chosen = {"amount": "660k", "deployment": str(chat.deployments.get(name="chat").pk)}
    offers = verdict(browse(ada), address, **chosen).context["verdict"].offers
    labels = [each.label for each in offers]
    assert labels[0] == f"Use {there} instead"
    assert "End Tue 3 Mar, 12:00 instead" in labels
    assert "Ask for 655k TPM instead" in labels
    assert "Start Tue 3 Mar, 18:00 instead" in labels
    assert "Start Tue 3 Mar, 04:00 instead" in labels


def test_each_offer_fills_the_form_in_and_fits_when_it_is_sent(
    browse: Browse, address: str, chat: Service, pool: Pool, ada: User
):
    ask(chat, ada, units=45, starts_at=utc("2026-03-03 12:00"))
    another_place(chat, "swedencentral")
    chosen = {**FORM, "amount": "660k", "deployment": str(chat.deployments.get(name="chat").pk)}
    hers = browse(ada)
    offers = verdict(hers, address, **chosen).context["verdict"].offers
    assert len(offers) >= 5
    for offer in offers:
        filled = hers.post(address, {**chosen, "set": offer.sets})
        assert filled.status_code == 200
        assert filled.context["verdict"].fits
        initial = filled.context["form"].initial
        for name, value in parse_qsl(offer.sets):
            assert initial[name] == value
        assert initial["purpose"] == "The launch."
    assert CapacityRequest.objects.count() == 1
    sent = {**chosen, **dict(parse_qsl(offers[0].sets)), "send": "yes"}
    assert hers.post(address, sent).status_code == 302
    assert CapacityRequest.objects.latest("pk").deployment.name == "chat-2"


def test_the_number_of_queries_does_not_grow_with_the_places(
    browse: Browse, address: str, chat: Service, ada: User
):
    hers, chosen = browse(ada), {"deployment": str(chat.deployments.get(name="chat").pk)}
    another_place(chat, "swedencentral")
    counts = []
    for region in ("", "westeurope", "francecentral"):
        if region:
            another_place(chat, region)
        with CaptureQueriesContext(connection) as queries:
            answer = verdict(hers, address, **chosen)
        counts.append(count_of(queries))
        assert answer.context["verdict"].offers
    assert len(set(counts)) == 1, counts


def test_what_fits_reads_nothing_more_and_offers_nothing(
    browse: Browse, address: str, chat: Service, ada: User
):
    hers = browse(ada)
    with CaptureQueriesContext(connection) as fitting:
        assert list(verdict(hers, address, amount="20k").context["verdict"].offers) == []
    with CaptureQueriesContext(connection) as not_fitting:
        assert verdict(hers, address).context["verdict"].offers
    assert count_of(not_fitting) <= count_of(fitting) + 8  # four of them for other places


def test_a_place_outside_the_residency_is_not_offered(
    browse: Browse, address: str, chat: Service, ada: User
):
    Deployment.objects.filter(name="chat").update(sku_name="DataZoneStandard")
    Service.objects.update(data_residency="data_zone")
    another_place(chat, "westus")
    abroad = another_place(chat, "japaneast", sku="Standard")
    chosen = {"deployment": str(chat.deployments.get(name="chat").pk)}
    # Of three regions one is in another zone: every place is barred by what the others are.
    Deployment.objects.filter(pk=abroad.pk).update(gone_at=NOON)
    within = verdict(browse(ada), address, **chosen)
    assert any("acme-westus" in each.label for each in within.context["verdict"].offers)
    Deployment.objects.filter(pk=abroad.pk).update(gone_at=None)
    with_abroad = verdict(browse(ada), address, **chosen).context["verdict"].offers
    assert not any("japaneast" in each.label for each in with_abroad)


def test_a_burst_that_does_not_fit_leads_to_the_plan_of_a_deployment_elsewhere(
    browse: Browse, address: str, chat: Service, ada: User
):
    place, hers = a_place_to_plan(chat, "swedencentral"), browse(ada)
    answer = verdict(hers, address)
    [offer] = answer.context["verdict"].places
    assert offer.label == "Plan a deployment: Data Zone Standard in swedencentral"
    assert str(offer.hint) == "acme-swedencentral, 1k TPM first, the rest fits on top"
    assert "Ask for the rest there once Azure shows it." in words_of(answer)
    form = hers.get(offer.url)
    assert f'name="place" value="{place}"' in form.content.decode()
    initial = form.context["form"].initial
    assert (initial["tokens_per_minute"], initial["home"]) == ("1,000", "eastus")
    typed = {**initial, "typed": "yes", "latency": "relaxed", "shape": "bursty"}
    found = hers.get(offer.url, typed, headers=HTMX).context["found"]
    assert [(row.key, row.is_chosen) for row in found.rows] == [(place, True)]
    assert "ask for a higher baseline there" in found.refused[0].why  # its own pool
    assert hers.post(offer.url, {**typed, "send": "yes"}).status_code == 302
    asked = CapacityRequest.objects.get()
    assert (asked.kind, asked.units, asked.deployment.is_expected) == ("baseline", 1, True)
    page = words_of(hers.get(chat.get_absolute_url()))
    assert "What happens next" in page
    assert "holds 100k TPM" in page
    assert list(verdict(hers, address).context["verdict"].places) == [], "one plan at a time"


def test_no_place_is_offered_in_a_pool_that_feeds_another_version_of_the_model(
    browse: Browse, address: str, chat: Service, ada: User
):
    a_place_to_plan(chat, "swedencentral")
    hers, other = browse(ada), chat.deployments.get(name="chat")
    chosen = {"deployment": str(other.pk)}
    assert len(verdict(hers, address, **chosen).context["verdict"].places) == 1
    other.pk, other.name, other.model_version = None, "older", "2024-08-06"
    other.account = AzureAccount.objects.get(region="swedencentral")
    other.pool = Pool.objects.get(region="swedencentral")
    other.resource_id = other.resource_key = "/older"
    other.save(force_insert=True)
    assert list(verdict(hers, address, **chosen).context["verdict"].places) == []


def test_a_baseline_that_does_not_fit_is_planned_whole_where_it_fits(
    browse: Browse, chat: Service, ada: User
):
    a_place_to_plan(chat, "swedencentral")
    lasting = reverse("request_baseline", args=[chat.slug])
    query = {"direction": "more", "amount": "800k", "starts_now": "on", "verdict": "yes"}
    [offer] = browse(ada).get(lasting, query).context["verdict"].places
    assert "tokens_per_minute=800%2C000" in offer.url
    assert offer.is_all


def test_a_deployment_cannot_be_planned_outside_the_residency_nor_by_who_only_asks(
    browse: Browse, address: str, chat: Service, ada: User, ben: User
):
    Deployment.objects.filter(name="chat").update(sku_name="DataZoneStandard")
    Service.objects.update(data_residency="data_zone", deputy=ben)
    a_place_to_plan(chat, "swedencentral")
    assert list(verdict(browse(ada), address).context["verdict"].places) == []
    a_place_to_plan(chat, "westus")
    said = verdict(browse(ben), address)
    assert "Plan a deployment: Data Zone Standard in westus" in words_of(said)
    assert "A lead of Atlas can plan it." in words_of(said)
    assert "/plan/" not in said.content.decode()


def test_more_than_the_whole_pool_is_refused_with_what_there_is_instead(
    browse: Browse, address: str, chat: Service, ada: User
):
    there, hers = another_place(chat, "swedencentral"), browse(ada)
    typed = {"amount": "5m", "deployment": str(chat.deployments.get(name="chat").pk)}
    labels = [each.label for each in verdict(hers, address, **typed).context["verdict"].offers]
    assert labels == ["Ask for 700k TPM instead", f"Use {there} for 900k TPM instead"]
    sent = hers.post(address, {**FORM, **typed, "send": "yes"})
    assert sent.status_code == 422
    assert "The whole pool has 1,000,000 tokens per minute" in words_of(sent)
    assert "Ask for 700k TPM instead" in words_of(sent)
    assert not CapacityRequest.objects.exists()


def test_where_the_residency_bars_what_is_asked_the_page_offers_a_place_within(
    browse: Browse, address: str, chat: Service, ada: User
):
    Service.objects.update(data_residency="data_zone")  # chat is GlobalStandard
    within = another_place(chat, "eastus2")
    chosen = {"deployment": str(chat.deployments.get(name="chat").pk), "amount": "40k"}
    answer = verdict(browse(ada), address, **chosen)
    assert "is barred for Chat assistant" in words_of(answer)
    assert "Approved at once" not in words_of(answer)
    assert "It fits" not in words_of(answer)
    assert [each.label for each in answer.context["verdict"].offers] == [f"Use {within} instead"]


def test_a_start_in_a_freeze_offers_the_times_around_it(
    browse: Browse, address: str, chat: Service, ada: User, cleo: User
):
    Freeze.objects.create(
        effective_from=utc("2026-03-03 09:00"), effective_until=utc("2026-03-03 12:00"),
        reason="A release.", recorded_at=NOON, recorded_by=cleo,
    )  # fmt: skip
    labels = [
        o.label for o in verdict(browse(ada), address, amount="40k").context["verdict"].offers
    ]
    assert labels[:2] == ["Start Tue 3 Mar, 08:59 instead", "Start Tue 3 Mar, 12:00 instead"]


def test_an_offer_of_an_amount_takes_the_requests_with_it(
    browse: Browse, address: str, chat: Service, ada: User
):
    hers = browse(ada)
    typed = {**FORM, "requests_per_minute": "6000"}
    offers = verdict(hers, address, **typed).context["verdict"].offers
    less = next(each for each in offers if each.label.startswith("Ask for"))
    filled = hers.post(address, {**typed, "set": less.sets}).context
    assert filled["form"].initial["requests_per_minute"] == ""
    assert filled["verdict"].fits


def test_a_smaller_baseline_and_an_extension_are_offered_what_they_can_be(
    browse: Browse, chat: Service, ada: User
):
    lasting = reverse("request_baseline", args=[chat.slug])
    query = {"direction": "more", "amount": "800k", "starts_now": "on", "verdict": "yes"}
    offers = browse(ada).get(lasting, query).context["verdict"].offers
    assert [each.label for each in offers] == ["Ask for 700k TPM instead"]
    grant = ask(chat, ada, units=40)
    ask(chat, ada, units=40, starts_at=utc("2026-03-03 20:00"), ends_at=utc("2026-03-04 20:00"))
    Pool.objects.update(reserve_units=640)
    longer = reverse("request_extend", args=[grant.pk])
    query = {"ends_at": "2026-03-04T18:00", "verdict": "yes"}
    offers = browse(ada).get(longer, query).context["verdict"].offers
    assert [each.label for each in offers] == ["End Tue 3 Mar, 20:00 instead"]


def test_the_api_tells_what_would_become_of_it_and_writes_nothing(
    browse: Browse, chat: Service, ada: User
):
    said = browse(ada).post("/api/v1/requests/check/", BODY, content_type="application/json")
    told = said.json()
    assert (said.status_code, told["fits"], told["largest_units"]) == (200, False, 700)
    first = told["alternatives"][0]
    assert (first["changes"], first["units"], first["outcome"]) == (["amount"], 700, "stages")
    again = {**BODY, "units": first["units"]}
    fits = browse(ada).post("/api/v1/requests/check/", again, content_type="application/json")
    assert (fits.json()["fits"], fits.json()["alternatives"]) == (True, [])
    place = a_place_to_plan(chat, "swedencentral")
    said = browse(ada).post("/api/v1/requests/check/", BODY, content_type="application/json")
    [new] = said.json()["new_places"]
    assert (new["place"], new["first_units"], new["units_in_all"]) == (place, 1, 801)
    assert not CapacityRequest.objects.exists()


def test_i19_the_api_tells_dan_of_another_team_nothing(
    browse: Browse, chat: Service, dan: User, ben: User
):
    for person, code in ((dan, 404), (ben, 422)):
        said = browse(person).post("/api/v1/requests/check/", BODY, content_type="application/json")
        assert said.status_code == code
        assert "largest" not in said.content.decode()


def test_the_last_burst_is_a_preset_of_amount_and_length(
    browse: Browse, address: str, chat: Service, ada: User, noon: Any
):
    hers = browse(ada)
    assert "No burst of this deployment is over yet" in words_of(hers.get(address))
    grant = ask(chat, ada, units=40)
    noon.move_to(utc("2026-03-04 12:00"))
    page = hers.get(address)
    assert "No burst of this deployment is over yet" not in words_of(page)
    last = page.context["presets"][-1]
    assert (last.label, last.amount) == (f"your last burst, #{grant.pk}, 8 h", 40_000)
    typed = {**FORM, "starts_at": "2026-03-05T09:30", "set": last.sets}
    initial = hers.post(address, typed).context["form"].initial
    assert (initial["amount"], initial["ends_at"]) == ("40,000", "2026-03-05T17:30")


def test_a_higher_baseline_has_the_same_presets_for_good(
    browse: Browse, chat: Service, ada: User, noon: Any
):
    grant = ask(chat, ada, units=40)
    noon.move_to(utc("2026-03-04 12:00"))
    address = reverse("request_baseline", args=[chat.slug])
    page = browse(ada).get(address)
    presets = page.context["presets"]
    assert [each.amount for each in presets] == [80_000, 97_000, 100_000, 40_000]
    assert presets[-1].label.startswith(f"your last burst, #{grant.pk}")
    typed = {"direction": "less", "amount": "1k", "starts_now": "on", "set": presets[-1].sets}
    initial = browse(ada).post(address, typed).context["form"].initial
    assert (initial["direction"], initial["amount"]) == ("more", "40,000")
    assert "ends_at" not in initial


def test_a_preset_of_a_baseline_is_never_more_than_is_free_for_good(
    browse: Browse, chat: Service, ada: User, cleo: User
):
    far = ask(chat, ada, units=690, starts_at=utc("2026-03-20 10:00"),
              ends_at=utc("2026-03-21 10:00"))  # fmt: skip
    decisions.approve(far, by=cleo, note="", at=NOON)
    lasting = browse(ada).get(reverse("request_baseline", args=[chat.slug]))
    assert [each.amount for each in lasting.context["presets"]] == [10_000]
    burst = browse(ada).get(reverse("request_burst", args=[chat.slug]))
    assert burst.context["presets"][0].amount == 80_000


def test_a_length_that_is_set_is_real_time_across_a_clock_change(
    browse: Browse, address: str, ada: User
):
    ada.time_zone = "Europe/Amsterdam"
    ada.save(update_fields=["time_zone"])
    typed = {**FORM, "starts_at": "2026-03-28T20:00", "set": "amount=40k&minutes=480"}
    initial = browse(ada).post(address, typed).context["form"].initial
    assert initial["ends_at"] == "2026-03-29T05:00"  # the clock goes forward at two


@pytest.mark.parametrize("bad", ["minutes=x", "minutes=99999999999", "service=2", "%00=%ff", ""])
def test_a_button_sets_nothing_but_fields_of_the_form(
    browse: Browse, address: str, ada: User, bad: str
):
    answer = browse(ada).post(address, {**FORM, "starts_at": "never", "set": bad})
    assert answer.status_code == 200
    assert answer.context["form"].initial["amount"] == "800k"
    assert not CapacityRequest.objects.exists()
