"""The drill of a lost region: who has a home elsewhere, what fits there, and the drafts of it."""

from datetime import timedelta

from django.urls import reverse
from django.utils.timezone import get_current_timezone
from pytest_django import DjangoAssertNumQueries

from portal.kernel.windows import Window
from portal.models import AuditRow, Message, User
from portal.outbox import Event
from quotas.models import (
    AzureAccount,
    CapacityRequest,
    Deployment,
    ModelRule,
    Pool,
    PoolLimit,
    Service,
    Team,
)
from quotas.selectors.ask_forms import initial_of
from quotas.selectors.drill import drill
from quotas.selectors.drill_page import FITS, IN_PART, NO_HOME, NO_ROOM, drill_page
from quotas.services import mapping
from quotas.tests.conftest import Browse, words_of
from quotas.tests.factories import NOON

DRAFT = CapacityRequest.State.DRAFT


def home(service: Service | None, region: str = "westeurope", **more) -> Deployment:
    """Another deployment of the service, in a pool of its own that allows 60 units more."""
    name = more.pop("name", f"chat-{region}")
    lost = Deployment.objects.get(name="chat")
    account = AzureAccount.objects.create(
        resource_id=f"/accounts/{name}",
        resource_key=f"/accounts/{name}",
        subscription_id=lost.account.subscription_id,
        resource_group="rg",
        name=f"acme-{name}",
        region=region,
        kind="OpenAI",
        first_seen_at=NOON,
        last_seen_at=NOON,
    )
    pool = Pool.objects.create(
        subscription_id=account.subscription_id,
        scope_id=region,
        region=region,
        usage_name=f"OpenAI.Standard.{name}",
        kind="tokens",
        first_seen_at=NOON,
        last_seen_at=NOON,
    )
    PoolLimit.objects.create(
        pool=pool, observed_at=NOON, limit_units=more.pop("room", 60), azure_used_units=0
    )
    facts = {"model_format": "OpenAI", "model_name": "gpt-4o", "model_version": "2024-11-20",
             "sku_name": "Standard", "capacity_units": 0, "settled_units": 0,
             "provisioning_state": "Succeeded", "tokens_per_minute_per_unit": 1000,
             "requests_per_minute_per_unit": 6, "first_seen_at": NOON,
             "observed_at": NOON}  # fmt: skip
    return Deployment.objects.create(
        account=account,
        pool=pool,
        service=service,
        name=name,
        resource_id=f"/deployments/{name}",
        resource_key=f"/deployments/{name}",
        **(facts | more),
    )


def drilled(region: str = "eastus", hours: int = 72):
    return drill(region, Window(NOON, NOON + timedelta(hours=hours)), at=NOON)


def page(user: User, **asked: str):
    return drill_page(user, {"region": "eastus", **asked}, at=NOON)


def test_what_is_held_there_fits_where_its_service_has_room(chat: Service):
    other = home(chat, room=500)
    [row] = drilled().rows
    assert (row.service, row.units, row.missing) == (chat, 100, 0)
    assert [(move.deployment, move.units) for move in row.moves] == [(other, 100)]


def test_units_there_give_the_same_tokens(chat: Service):
    home(chat, tokens_per_minute_per_unit=3000, requests_per_minute_per_unit=None)
    [row] = drilled().rows
    assert [move.units for move in row.moves] == [34]


def test_the_reserve_and_what_is_promised_within_the_time_are_not_free(chat: Service, cleo: User):
    pool = home(chat, room=150).pool
    assert drilled().rows[0].missing == 0
    pool.reserve_units = 70
    pool.save()
    assert drilled().rows[0].missing_units == 20


def test_another_model_another_way_of_counting_and_a_barred_region_are_no_home(
    chat: Service, ada: User
):
    home(chat, name="small", model_name="gpt-4o-mini")
    home(chat, name="ptu", sku_name="ProvisionedManaged")
    [row] = page(ada).rows
    assert (row.status, "no other deployment of gpt-4o" in row.why) == (NO_HOME, True)
    home(chat, name="chat-we")
    chat.data_residency = Service.Residency.REGION
    chat.save()
    [row] = page(ada).rows
    assert (row.status, "its data stays in one region" in row.why) == (NO_HOME, True)
    assert row.plan_url.startswith(reverse("service_plan", args=[chat.slug]))


def test_a_deprecated_model_is_no_home_as_no_more_of_it_can_be_asked_for(
    chat: Service, ada: User, cleo: User
):
    home(chat, room=500, name="chat-old", model_version="2024-05-13")
    assert page(ada).rows[0].status == FITS
    facts = {"model_name": "gpt-4o", "model_version": "2024-05-13", "reason": "Too old."}
    ModelRule.objects.create(**facts, allows=False, effective_from=NOON, successor="gpt-4.1 1",
                             recorded_at=NOON, recorded_by=cleo)  # fmt: skip
    [row] = page(ada).rows
    assert (row.status, row.moves) == (NO_HOME, [])
    assert row.why.endswith("is barred: the model is deprecated: choose gpt-4.1 1.")


def test_each_row_says_how_much_of_it_fits(chat: Service, search: Service, ada: User, cleo: User):
    home(chat, room=60)
    home(search, name="search-we", room=0)
    chosen = page(cleo)
    assert {row.service: row.status for row in chosen.rows} == {
        "Chat assistant": IN_PART,
        "Search": NO_ROOM,
    }
    assert chosen.counts == {"fits": 0, "part": 1, "none": 1}
    assert [str(each["value"]) for each in chosen.stats] == ["300k TPM", "60k TPM", "240k TPM"]
    PoolLimit.objects.update(limit_units=5000)
    assert {row.status for row in page(cleo).rows} == {FITS}


def test_a_pool_whose_limit_was_never_read_has_no_room(chat: Service):
    home(chat)
    PoolLimit.objects.filter(pool__region="westeurope").delete()
    assert drilled().rows[0].moves == ()


def test_a_person_sees_their_own_services_and_others_still_take_room(
    chat: Service, search: Service, ada: User, dan: User
):
    pool = home(chat, room=250).pool
    Deployment.objects.filter(pk=home(search, name="search-we").pk).update(pool=pool)
    chat.tier = 3  # search chooses first, 200 of the 250
    chat.save()
    [row] = page(ada).rows
    assert (row.service, str(row.missing)) == ("Chat assistant", "50k TPM")


def test_a_region_that_nobody_knows_is_not_chosen(chat: Service, ada: User):
    assert page(ada, region="atlantis").chosen == ""
    assert page(ada, hours="1").hours == 72
    assert [(each.name, each.deployments) for each in page(ada).regions] == [("eastus", 1)]


def test_a_lead_drafts_for_their_own_services(chat: Service, ada: User, browse: Browse):
    other = home(chat, room=500)
    hers = browse(ada)
    asked = {"region": "eastus", "hours": "24"}
    answer = hers.post(reverse("drill_draft"), asked, follow=True)
    assert "1 drafted for you" in words_of(answer)
    kept = CapacityRequest.objects.get()
    assert (kept.state, kept.requester, kept.deployment, kept.units) == (DRAFT, ada, other, 100)
    assert (kept.occasion, kept.window.length) == ("incident", timedelta(hours=24))
    assert "eastus is lost" in kept.purpose
    hers.post(reverse("drill_draft"), asked)
    assert CapacityRequest.objects.count() == 1


def test_a_platform_owner_has_it_drafted_for_the_owner_who_is_told(
    chat: Service, ada: User, cleo: User, browse: Browse
):
    home(chat, room=500)
    answer = browse(cleo).post(reverse("drill_draft"), {"region": "eastus"}, follow=True)
    assert "1 drafted for those who answer for the services" in words_of(answer)
    kept = CapacityRequest.objects.get()
    assert (kept.requester, CapacityRequest.objects.visible_to(cleo).count()) == (ada, 0)
    told = Message.objects.get(notice__event=Event.REQUEST_DRAFTED)
    assert (told.person, told.notice.url) == (ada, reverse("draft_resume", args=[kept.pk]))
    rows = AuditRow.objects.filter(verb__in=["draft.saved", "drill.drafted"])
    assert set(rows.values_list("actor_id", flat=True)) == {cleo.pk}
    assert browse(ada).get(told.notice.url, follow=True).status_code == 200


def test_where_nobody_may_ask_the_drill_says_so(
    chat: Service, ada: User, ben: User, cleo: User, browse: Browse
):
    home(chat, room=500)
    assert not page(ben).may_draft
    refused = browse(ben).post(reverse("drill_draft"), {"region": "eastus"})
    assert (refused.status_code, "nothing to draft" in words_of(refused)) == (422, True)
    ada.is_active = False
    ada.save()
    refused = browse(cleo).post(reverse("drill_draft"), {"region": "eastus"})
    assert "nothing to draft" in words_of(refused)
    assert "Choose the region" in words_of(browse(cleo).post(reverse("drill_draft"), {}))
    assert not CapacityRequest.objects.exists()


def test_what_two_lost_deployments_send_to_one_home_is_one_burst(
    chat: Service, ada: User, cleo: User, browse: Browse
):
    mapping.map_deployment(Deployment.objects.get(name="search"), service=chat, by=cleo, at=NOON)
    home(chat, room=500)
    browse(ada).post(reverse("drill_draft"), {"region": "eastus"})
    kept = CapacityRequest.objects.get()
    assert (kept.units, "carries what chat and search had there" in kept.purpose) == (300, True)


def test_the_draft_of_an_incident_begins_now_whenever_it_is_opened(
    chat: Service, ada: User, browse: Browse
):
    home(chat, room=500)
    browse(ada).post(reverse("drill_draft"), {"region": "eastus", "hours": "24"})
    kept, later = CapacityRequest.objects.get(), NOON + timedelta(hours=5)
    first = initial_of(kept, at=later, zone=get_current_timezone())
    assert first["starts_now"]
    assert first["ends_at"] == (later + timedelta(hours=24)).strftime("%Y-%m-%dT%H:%M")


def test_the_page_teaches_where_there_is_nothing(ada: User, atlas: Team, browse: Browse):
    assert "Once a sync has found" in words_of(browse(ada).get(reverse("drill")))


def test_queries_do_not_grow_with_what_is_held(
    chat: Service, search: Service, django_assert_num_queries: DjangoAssertNumQueries
):
    home(chat)
    with django_assert_num_queries(7):
        drilled()
    home(search, name="search-we")
    with django_assert_num_queries(7):
        drilled()


def test_the_api_tells_and_drafts_the_same(chat: Service, ada: User, browse: Browse):
    other, hers = home(chat, room=60), browse(ada)
    found = hers.get(reverse("api_drill"), {"region": "eastus"}).json()
    [row] = found["holdings"]
    assert (row["service"], row["held_units"], row["missing_units"]) == (chat.slug, 100, 40)
    assert row["moves"] == [{"deployment": other.resource_id, "units": 60}]
    assert hers.get(reverse("api_drill"), {"region": "atlantis"}).status_code == 400
    done = hers.post(
        reverse("api_drill"), {"region": "eastus", "hours": 24}, content_type="application/json"
    )
    assert (done.status_code, done.json()) == (201, {"own": 1, "of_others": 0, "left_out": []})
