"""Provisioned throughput: its amounts are the model's, in asking, approving and planning."""

from datetime import timedelta

import pytest

from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.plan import NO_SUCH_AMOUNT
from quotas.models import Change, Deployment, LedgerEntry, Pool, Service, Team
from quotas.services import drift
from quotas.services.decisions import approve, approve_largest_safe, part_of
from quotas.services.mapping import map_deployment
from quotas.tests import factories
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

START = utc("2026-03-03 10:00")


@pytest.fixture
def ptu(azure: FakeAzure, pool: Pool, atlas: Team, ada: User, cleo: User) -> Deployment:
    """100 PTU of a model that comes in 15 and from there in steps of 5, in a pool that applies."""
    azure.deployments.clear()
    azure.usage_name = "OpenAI.GlobalProvisionedManaged"
    azure.add(deployment_seen("ptu", 100, sku_name="GlobalProvisionedManaged"))
    sync(azure, NOON)
    Pool.objects.update(mode="apply", lead=timedelta(0))
    found = Deployment.objects.get(name="ptu")
    Deployment.objects.filter(pk=found.pk).update(minimum_units=15, step_units=5)
    map_deployment(found, service=factories.service("Voice", atlas, ada), by=cleo, at=NOON)
    return Deployment.objects.get(pk=found.pk)


@pytest.fixture
def voice(ptu: Deployment) -> Service:
    return Service.objects.get(name="Voice")


@pytest.mark.parametrize(
    ("kind", "units", "nearest"),
    [
        ("burst", 17, "choose 15 or 20"),
        ("burst", 3, "choose 5"),
        ("baseline", -17, "choose 15 or 20"),
    ],
)
def test_an_amount_between_two_steps_is_refused_with_both(
    voice: Service, ada: User, kind: str, units: int, nearest: str
) -> None:
    end = {"ends_at": None} if kind == "baseline" else {"accepts_provisioned_release": True}
    with pytest.raises(DomainError, match=f"steps of 5, so .* cannot be: {nearest}") as refused:
        ask(voice, ada, kind=kind, units=units, **end)
    assert refused.value.code == "wrong_step"


def test_a_first_baseline_is_the_minimum_at_least(voice: Service, ptu: Deployment) -> None:
    from quotas.models.inventory import NEVER_THERE
    from quotas.services.checks import check_step

    ptu.gone_at = NEVER_THERE
    check_step(ptu, 15)
    with pytest.raises(
        DomainError, match="15 at least, and steps of 5, so 10 cannot be: choose 15"
    ):
        check_step(ptu, 10)


def test_a_part_that_is_approved_is_a_whole_step_too(voice: Service, ada: User, cleo: User) -> None:
    request = ask(voice, ada, units=60, accepts_provisioned_release=True)
    with pytest.raises(DomainError, match="choose 30 or 35"):
        approve(request, by=cleo, note="", at=NOON, part=part_of(request, units=33))
    approve(request, by=cleo, note="", at=NOON, part=part_of(request, units=35))
    assert LedgerEntry.objects.get(request=request).units == 35


def test_the_largest_part_that_fits_is_a_whole_step(
    voice: Service, ada: User, cleo: User, azure: FakeAzure
) -> None:
    request = ask(voice, ada, units=60, accepts_provisioned_release=True)
    azure.limit_units = 133
    sync(azure, NOON)
    approve_largest_safe(request, by=cleo, note="", at=NOON)
    assert LedgerEntry.objects.get(request=request).units == 30


def test_an_amount_that_the_model_has_no_more_waits_until_it_can_be(
    ptu: Deployment, azure: FakeAzure, cleo: User
) -> None:
    held = LedgerEntry.objects.get(service=ptu.service, kind="adopted")
    LedgerEntry.objects.create(
        pool=held.pool,
        deployment=ptu,
        service=held.service,
        units=7,
        effective_from=NOON,
        effective_until=held.effective_until,
        kind="baseline",
        recorded_at=NOON,
    )
    reconcile_at(azure, START)
    waiting = Change.objects.get()
    assert waiting.state == "needs_human"
    assert waiting.sentence.startswith(NO_SUCH_AMOUNT)
    with pytest.raises(DomainError, match="brings it to 105 or 110"):
        drift.write_back(waiting, by=cleo, at=START)
    assert azure.writes == []
    Deployment.objects.update(minimum_units=1, step_units=1)
    reconcile_at(azure, START + timedelta(minutes=1))
    assert azure.writes == [("ptu", 107)]
