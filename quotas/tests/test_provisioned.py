"""Provisioned throughput: its amounts are the model's, in asking, approving and planning."""

from datetime import timedelta

import pytest
from django.urls import reverse
from time_machine import Traveller

from portal.kernel.errors import CloudError, CloudReason, DomainError
from portal.models import AuditRow, Notice, User
from quotas.domain.plan import NO_SUCH_AMOUNT, RELEASE
from quotas.domain.region_capacity import Available
from quotas.domain.residency import Place
from quotas.models import (
    CapacityRequest,
    Change,
    Deployment,
    EdgeCheck,
    LedgerEntry,
    Pool,
    RegionCapacity,
    Service,
    Team,
)
from quotas.models.inventory import NEVER_THERE
from quotas.selectors.late_ends import late_ends
from quotas.selectors.stuck import stuck_changes
from quotas.services import drift
from quotas.services.checks import check_step
from quotas.services.decisions import approve, approve_largest_safe, part_of
from quotas.services.mapping import map_deployment
from quotas.services.prechecks import check_edges
from quotas.services.region_capacity import note_capacities
from quotas.tests import factories
from quotas.tests.conftest import Browse, ask, reconcile_at, sync, words_of
from quotas.tests.factories import NOON, SUBSCRIPTION, FakeAzure, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")


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
    told = Notice.objects.filter(subject=f"change/{waiting.pk}").values_list("event", flat=True)
    assert list(told) == ["change.unwritable"]
    stuck = stuck_changes(cleo, at=START)
    assert (stuck.waiting, stuck.unwritable) == (0, 1)
    with pytest.raises(DomainError, match="brings it to 105 or 110"):
        drift.write_back(waiting, by=cleo, at=START)
    assert azure.writes == []
    Deployment.objects.update(minimum_units=1, step_units=1)
    reconcile_at(azure, START + timedelta(minutes=1))
    assert azure.writes == [("ptu", 107)]


# ── Azure's own capacity ─────────────────────────────────────────────────────────────────────

HERE = Place("GlobalProvisionedManaged", "eastus")
OTHERS = (
    Available(Place("GlobalProvisionedManaged", "swedencentral"), 300),
    Available(Place("DataZoneProvisionedManaged", "eastus"), 200),
)


@pytest.fixture
def burst(voice: Service, ada: User, cleo: User) -> CapacityRequest:
    """50 PTU on top, from START on."""
    asked = ask(voice, ada, units=50, accepts_provisioned_release=True)
    return asked if asked.state == "approved" else approve(asked, by=cleo, note="", at=NOON)


def test_a_grow_that_azure_has_no_capacity_for_is_blocked_with_other_places(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    azure.capacity = (Available(HERE, 45), *OTHERS)
    reconcile_at(azure, START)
    change = Change.objects.get()
    assert (change.state, change.error_reason) == ("blocked", "capacity_not_available")
    assert "only for 45" in change.sentence
    assert "GlobalProvisionedManaged in swedencentral or as DataZone" in change.sentence
    assert (azure.writes, change.attempts) == ([], 0)
    azure.capacity = (Available(HERE, 50),)
    reconcile_at(azure, START + timedelta(minutes=5))
    assert azure.writes == [("ptu", 150)]


def test_places_outside_of_the_residency_are_not_offered(
    burst: CapacityRequest, azure: FakeAzure, voice: Service
) -> None:
    Service.objects.filter(pk=voice.pk).update(data_residency="data_zone")
    azure.capacity = (Available(HERE, 0), *OTHERS)
    reconcile_at(azure, START)
    sentence = Change.objects.get().sentence
    assert "swedencentral" not in sentence
    assert "DataZoneProvisionedManaged in eastus" in sentence


@pytest.mark.parametrize(
    "said",
    [
        (),  # nothing of this place
        OTHERS,
        CloudError(CloudReason.FORBIDDEN, "It may not be read."),
    ],
)
def test_an_answer_that_does_not_come_stops_no_write(
    burst: CapacityRequest, azure: FakeAzure, said: tuple[Available, ...] | CloudError
) -> None:
    azure.capacity = said
    reconcile_at(azure, START)
    assert azure.writes == [("ptu", 150)]


def test_a_lack_of_capacity_that_azure_tells_itself_comes_with_places(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    azure.capacity = OTHERS
    azure.refusals = [
        CloudError(
            CloudReason.CAPACITY_NOT_AVAILABLE,
            "Azure has none.",
            azure_code="SkuCapacityNotAvailable",
            azure_message="No capacity.",
        )
    ]
    reconcile_at(azure, START)
    change = Change.objects.get()
    assert change.sentence.startswith("Azure has none. It has them as GlobalProvisionedManaged in")
    assert (change.state, change.azure_code) == ("blocked", "SkuCapacityNotAvailable")
    assert change.azure_message == "No capacity."


def test_the_form_for_more_quota_is_a_link_wherever_the_refusal_stands(
    browse: Browse, burst: CapacityRequest, azure: FakeAzure, cleo: User, noon: Traveller
) -> None:
    form = "https://example.com/more"
    said = CloudError(CloudReason.INSUFFICIENT_QUOTA, f"Too little. Ask at {form}.")
    azure.refusals = [said]
    noon.move_to(START)
    reconcile_at(azure, START)
    hers, change = browse(cleo), Change.objects.get()
    noon.move_to(START)
    for page in (reverse("changes"), change_page_of(change), burst.get_absolute_url()):
        assert f'<a href="{form}"' in hers.get(page).content.decode(), page
    told = hers.get(f"/api/v1/changes/{change.pk}/").json()
    assert told["sentence"] == said.sentence


def change_page_of(change: Change) -> str:
    return reverse("change", args=[change.pk])


def test_a_shrink_asks_for_no_capacity(burst: CapacityRequest, azure: FakeAzure) -> None:
    reconcile_at(azure, START)
    azure.capacity = (Available(HERE, 0),)
    reconcile_at(azure, END)
    assert azure.writes == [("ptu", 150), ("ptu", 100)]


def test_i01_a_lowered_quota_stops_a_grow_before_azures_capacity_is_asked(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    azure.limit_units, azure.capacity = 120, (Available(HERE, 0),)
    sync(azure, NOON + timedelta(hours=1))
    reconcile_at(azure, START)
    change = Change.objects.get()
    assert "units short" in change.sentence
    assert (change.error_reason, azure.writes) == ("", [])


def asked_for(browse: Browse, by: User, ptu: Deployment, units: int) -> str:
    """What the form for a burst says of so many units."""
    typed = {
        "verdict": "yes", "deployment": ptu.pk, "amount": str(units), "occasion": "launch",
        "starts_at": "2026-03-03T10:00", "ends_at": "2026-03-03T18:00", "purpose": "A launch.",
        "accepts_provisioned_release": "on",
    }  # fmt: skip
    return words_of(browse(by).get(reverse("request_burst", args=["voice"]), typed))


def test_the_form_says_what_azure_had_no_capacity_for_when_it_was_last_asked(
    browse: Browse, voice: Service, ptu: Deployment, azure: FakeAzure, ada: User
) -> None:
    lacks = "Azure has no capacity for 50 more provisioned units"
    assert lacks not in asked_for(browse, ada, ptu, 50), "nothing is known"
    azure.capacity = (Available(HERE, 45), *OTHERS)
    early = NOON - timedelta(minutes=59)
    assert note_capacities(SUBSCRIPTION, gateway=azure, at=early) == 1
    said = asked_for(browse, ada, ptu, 50)
    assert lacks in said
    assert "now, only for 45" in said
    assert "GlobalProvisionedManaged in swedencentral" in said
    assert lacks not in asked_for(browse, ada, ptu, 45)
    RegionCapacity.objects.update(observed_at=NOON - timedelta(hours=1))
    assert lacks not in asked_for(browse, ada, ptu, 50), "that was too long ago"


def test_what_azure_tells_of_capacity_is_kept_until_it_tells_something_else(
    ptu: Deployment, azure: FakeAzure
) -> None:
    azure.capacity = (Available(HERE, 45), *OTHERS)
    note_capacities(SUBSCRIPTION, gateway=azure, at=NOON)
    azure.capacity = CloudError(CloudReason.TIMEOUT, "No answer.")
    assert note_capacities(SUBSCRIPTION, gateway=azure, at=START) == 0
    assert RegionCapacity.objects.filter(observed_at=NOON).count() == 3
    azure.capacity = (Available(HERE, 10),)
    note_capacities(SUBSCRIPTION, gateway=azure, at=END)
    assert list(RegionCapacity.objects.values_list("units", "observed_at")) == [(10, END)]


def test_a_lack_of_capacity_is_found_ten_minutes_before_the_start(
    burst: CapacityRequest, azure: FakeAzure
) -> None:
    azure.capacity = (Available(HERE, 0), *OTHERS)
    check_edges(gateway=azure, at=START - timedelta(minutes=10))
    [finding] = EdgeCheck.objects.get().findings
    assert finding["code"] == "no_capacity"
    assert "swedencentral" in finding["sentence"]
    azure.capacity = (Available(HERE, 50),)
    check_edges(gateway=azure, at=START - timedelta(minutes=7))
    assert EdgeCheck.objects.get().findings == []


# ── The yes to a release, and spillover ──────────────────────────────────────────────────────


@pytest.fixture
def asked_to_release(ptu: Deployment, voice: Service, azure: FakeAzure, ada: User) -> Change:
    """The baseline goes down by 50 PTU, which no burst explains."""
    ask(voice, ada, kind="baseline", units=-50, starts_at=None, starts_now=True, ends_at=None)
    reconcile_at(azure, NOON + timedelta(minutes=1))
    return Change.objects.get()


def test_a_release_is_agreed_to_on_its_page_and_audited(
    browse: Browse, asked_to_release: Change, azure: FakeAzure, cleo: User
) -> None:
    page = reverse("change", args=[asked_to_release.pk])
    shown = words_of(browse(cleo).get(page))
    assert "Release, down to 50 PTUs" in shown
    assert "Azure may not have the capacity a second time" in shown
    assert azure.writes == []
    browse(cleo).post(reverse("change_write_back", args=[asked_to_release.pk]), {"reason": "Idle."})
    reconcile_at(azure, NOON + timedelta(minutes=2))
    assert azure.writes == [("ptu", 50)]
    row = AuditRow.objects.get(verb="change.agreed")
    assert (row.actor_id, row.subject) == (cleo.pk, f"change/{asked_to_release.pk}")


def test_who_does_not_operate_the_pool_cannot_agree_to_a_release(
    browse: Browse, asked_to_release: Change, azure: FakeAzure, ada: User, dan: User
) -> None:
    address = f"/api/v1/changes/{asked_to_release.pk}/write-back/"
    said = {"data": {"reason": ""}, "content_type": "application/json"}
    refused = browse(ada).post(address, **said)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_yours")
    assert browse(dan).post(address, **said).status_code == 404
    reconcile_at(azure, NOON + timedelta(minutes=2))
    assert azure.writes == []


def test_a_burst_comes_down_at_its_end_while_the_baseline_waits_for_a_yes(
    burst: CapacityRequest, voice: Service, azure: FakeAzure, ada: User, cleo: User
) -> None:
    """The baseline goes down at the very minute at which the burst ends."""
    lower = {"kind": "baseline", "units": -30, "starts_at": END, "ends_at": None}
    asked = ask(voice, ada, **lower)
    assert asked.state == "approved"
    reconcile_at(azure, START)
    reconcile_at(azure, END)
    assert azure.writes == [("ptu", 150), ("ptu", 100)]
    later = END + timedelta(minutes=1)
    reconcile_at(azure, later)
    rest = Change.objects.get(state="needs_human")
    assert (rest.from_units, rest.to_units, rest.sentence) == (100, 70, RELEASE)
    assert rest.because[-1]["request"] == asked.pk
    drift.write_back(rest, by=cleo, at=later)
    reconcile_at(azure, later)
    assert azure.writes[-1] == ("ptu", 70)


def test_a_burst_that_never_came_up_carries_no_yes_for_the_baseline(
    burst: CapacityRequest, voice: Service, azure: FakeAzure, ada: User, cleo: User
) -> None:
    azure.capacity = (Available(HERE, 0),)
    written_before(azure, voice, ada, cleo)
    lower = {"kind": "baseline", "units": -30, "starts_at": END, "ends_at": None}
    ask(voice, ada, **lower)
    reconcile_at(azure, START)
    reconcile_at(azure, END)
    reconcile_at(azure, END + timedelta(minutes=1))
    waits = Change.objects.get(state="needs_human")
    assert (waits.from_units, waits.to_units, waits.sentence) == (105, 75, RELEASE)


def test_two_equal_bursts_in_a_row_carry_one_yes(
    burst: CapacityRequest, voice: Service, azure: FakeAzure, ada: User, cleo: User
) -> None:
    over = END + timedelta(hours=4)
    more = {"starts_at": END, "ends_at": over, "accepts_provisioned_release": True}
    second = ask(voice, ada, units=50, **more)
    if second.state != "approved":
        approve(second, by=cleo, note="", at=NOON)
    ask(voice, ada, kind="baseline", units=-50, starts_at=over, ends_at=None)
    for at in (START, END, over, over + timedelta(minutes=1)):
        reconcile_at(azure, at)
    assert azure.writes == [("ptu", 150), ("ptu", 100)]
    assert Change.objects.get(state="needs_human").to_units == 50


def written_before(azure: FakeAzure, voice: Service, ada: User, cleo: User) -> None:
    """Headroom has written there before: the baseline went up by 5."""
    capacity, azure.capacity = azure.capacity, ()
    now = {"starts_at": None, "starts_now": True, "ends_at": None}
    asked = ask(voice, ada, kind="baseline", units=5, **now)
    if asked.state != "approved":
        approve(asked, by=cleo, note="", at=NOON)
    reconcile_at(azure, NOON + timedelta(minutes=1))
    assert azure.writes == [("ptu", 105)]
    azure.capacity = capacity


def test_a_decrease_that_waits_already_does_not_keep_a_burst_up(
    burst: CapacityRequest, voice: Service, azure: FakeAzure, ada: User
) -> None:
    early = START + timedelta(hours=1)
    lower = {"kind": "baseline", "units": -50, "starts_at": early, "ends_at": None}
    ask(voice, ada, **lower)
    reconcile_at(azure, START)
    reconcile_at(azure, early)
    assert Change.objects.get(state="needs_human").to_units == 100
    azure.refusals = [CloudError(CloudReason.UNKNOWN, "Not now.")]
    reconcile_at(azure, END)  # the same from and to as what waits
    ended = Change.objects.get(state="retry_wait")
    assert (ended.from_units, ended.to_units) == (150, 100)
    [late] = late_ends(at=END + timedelta(minutes=2))
    assert late.since == END
    reconcile_at(azure, END + timedelta(minutes=2))
    assert azure.writes[-1] == ("ptu", 100)
    reconcile_at(azure, END + timedelta(minutes=3))
    assert Change.objects.get(state="needs_human").to_units == 50
    assert late_ends(at=END + timedelta(hours=2)) == []


def test_the_page_of_a_pool_says_how_many_deployments_lack_spillover(
    browse: Browse, ptu: Deployment, azure: FakeAzure, cleo: User
) -> None:
    page = reverse("pool", args=[ptu.pool_id])
    assert "missing on 1 of 1 deployments" in words_of(browse(cleo).get(page))
    Deployment.objects.update(spillover_deployment_name="overflow")
    wrong = "to one that cannot take the calls on 1 of 1 deployments"
    assert wrong in words_of(browse(cleo).get(page))
    azure.add(deployment_seen("Overflow", 1))
    sync(azure, NOON)
    Deployment.objects.filter(name="Overflow").update(account=ptu.account, pool=None)
    Deployment.objects.filter(name="ptu").update(spillover_deployment_name="overflow")
    assert "on all deployments" in words_of(browse(cleo).get(page))
    Deployment.objects.filter(name="Overflow").update(model_version="1")
    assert wrong in words_of(browse(cleo).get(page))
