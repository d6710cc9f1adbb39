"""Where a service's data may be: which deployments it bars, when, and with what reason."""

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.residency import ZONE_OF, Place, Reach, why_barred
from quotas.models import AzureAccount, Deployment, LedgerEntry, Pool, Service, Team
from quotas.services import mapping
from quotas.services.refusals import breaks_residency
from quotas.tests.conftest import Browse, ask
from quotas.tests.factories import NOON, service

REGION, ZONE, ANYWHERE = Reach.REGION, Reach.DATA_ZONE, Reach.ANYWHERE


@pytest.mark.parametrize(
    ("allowed", "sku", "region", "reason"),
    [
        (REGION, "Standard", "eastus2", ""),
        (REGION, "ProvisionedManaged", "japaneast", ""),
        (REGION, "DataZoneStandard", "eastus2", "any of its data zone"),
        (REGION, "GlobalStandard", "eastus2", "any region of the world"),
        (ZONE, "Standard", "swedencentral", ""),
        (ZONE, "DataZoneProvisionedManaged", "eastus2", ""),
        (ZONE, "GlobalProvisionedManaged", "eastus2", "any region of the world"),
        (ZONE, "GlobalBatch", "eastus2", "any region of the world"),
        (ZONE, "DataZoneStandard", "switzerlandnorth", "is not known"),
        (ZONE, "DeveloperTier", "eastus2", "is not known"),
        (ANYWHERE, "GlobalStandard", "eastus2", ""),
        (ANYWHERE, "DeveloperTier", "nowhere", ""),
    ],
)
def test_a_deployment_type_says_how_far_data_travels(
    allowed: Reach, sku: str, region: str, reason: str
) -> None:
    said = why_barred(allowed, Place(sku, region))
    assert (reason in said) if reason else said == ""


@pytest.mark.parametrize(
    ("allowed", "region", "home", "reason"),
    [
        (REGION, "eastus2", ["eastus2"], ""),
        (REGION, "westus", ["eastus2"], "its data stays in eastus2, and this is in westus"),
        (ZONE, "westus", ["eastus2"], ""),
        (ZONE, "westeurope", ["eastus2"], "its data stays in US, and westeurope is in EU"),
        (ZONE, "uksouth", ["westeurope"], "its data stays in EU, and uksouth is in uksouth"),
        (ZONE, "uksouth", ["uksouth"], ""),
        (
            REGION,
            "eastus2",
            ["eastus2", "westus"],
            "its data stays in westus, and this is in eastus2",
        ),
        (ZONE, "eastus2", ["westus", "westeurope"], "its data stays in EU, and eastus2 is in US"),
    ],
)
def test_its_region_and_zone_are_where_it_is_already(
    allowed: Reach, region: str, home: list[str], reason: str
) -> None:
    assert why_barred(allowed, Place("Standard", region), home) == reason


skus = st.sampled_from(
    ["Standard", "DataZoneStandard", "GlobalStandard", "GlobalProvisionedManaged", "Odd"]
)
regions = st.sampled_from([*sorted(ZONE_OF), "uksouth", "japaneast"])


@given(skus, regions, st.lists(regions, max_size=3))
def test_what_a_stricter_rule_allows_no_looser_one_bars(
    sku: str, region: str, home: list[str]
) -> None:
    place = Place(sku, region)
    barred = [bool(why_barred(allowed, place, home)) for allowed in Reach]
    assert barred == sorted(barred, reverse=True)


@pytest.fixture
def careful(atlas: Team, ada: User) -> Service:
    return service("Contracts", atlas, ada, data_residency="region")


def test_mapping_a_global_deployment_is_barred_with_the_reason(
    pool: Pool, careful: Service, cleo: User
) -> None:
    held = LedgerEntry.objects.count()
    deployment = Deployment.objects.get(name="chat")
    with pytest.raises(DomainError, match="any region of the world") as caught:
        mapping.map_deployment(deployment, service=careful, by=cleo, at=NOON)
    assert caught.value.code == "residency"
    deployment.refresh_from_db()
    assert (deployment.service, LedgerEntry.objects.count()) == (None, held)


def test_a_second_region_is_barred_for_data_that_stays_in_one(
    pool: Pool, careful: Service, cleo: User
) -> None:
    Deployment.objects.update(sku_name="Standard")
    first, second = Deployment.objects.order_by("name")
    mapping.map_deployment(first, service=careful, by=cleo, at=NOON)
    west = AzureAccount.objects.get()
    west.pk, west.resource_key, west.region = None, "west", "westus"
    west.save()
    Deployment.objects.filter(pk=second.pk).update(account=west)
    second.refresh_from_db()
    with pytest.raises(DomainError, match="stays in eastus, and this is in westus"):
        mapping.map_deployment(second, service=careful, by=cleo, at=NOON)


def test_in_two_regions_it_is_barred_in_both_until_one_of_them_is_left(
    pool: Pool, careful: Service
) -> None:
    Deployment.objects.update(sku_name="Standard", service=careful)
    west = AzureAccount.objects.get()
    west.pk, west.resource_key, west.region = None, "west", "westus"
    west.save()
    Deployment.objects.filter(name="search").update(account=west)
    for deployment in careful.deployments.all():
        barred = breaks_residency(careful, deployment)
        assert barred is not None
        assert "it has deployments in eastus and westus" in barred.sentence
    Deployment.objects.filter(name="search").update(gone_at=NOON)
    assert breaks_residency(careful, Deployment.objects.get(name="chat")) is None


def test_asking_on_a_deployment_that_breaks_the_residency_is_barred(
    browse: Browse, chat: Service, ada: User
) -> None:
    Service.objects.update(data_residency="data_zone")
    with pytest.raises(DomainError, match="barred for Chat assistant"):
        ask(Service.objects.get(), ada)
    answer = browse(ada).get(reverse("request_burst", args=[chat.slug]))
    assert answer.status_code == 422
    assert "barred for Chat assistant: its data stays in its data zone" in answer.content.decode()


def test_a_deployment_moved_to_a_regional_type_may_be_asked_for_again(
    chat: Service, ada: User
) -> None:
    Service.objects.update(data_residency="region")
    Deployment.objects.update(sku_name="Standard")
    assert ask(Service.objects.get(), ada).pk
