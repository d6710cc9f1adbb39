"""From what Azure says of a limit to what people hear, once a change, and see, while it lasts."""

import pytest
from django.urls import reverse

from portal.kernel.windows import HOUR
from portal.models import Message, Notice, User
from portal.outbox import Event
from quotas.models import CapacityRequest, Pool, Service
from quotas.selectors.home import waiting_for
from quotas.services.give_back import give_back
from quotas.tests.conftest import Browse, sync, words_of
from quotas.tests.factories import NOON, FakeAzure

AT_RISK, SAFE = Event.GRANT_AT_RISK, Event.GRANT_SAFE_AGAIN
OTHER = "OpenAI.GlobalStandard.gpt-4o-shared"


def heard(request: CapacityRequest) -> list[str]:
    """What Ada heard of it, in order."""
    rows = Message.objects.filter(person=request.requester, notice__event__in=[AT_RISK, SAFE])
    return list(rows.order_by("notice__at", "pk").values_list("notice__event", flat=True))


def read(azure: FakeAzure, hours: int, *, limit: int, usage_name: str = "") -> None:
    azure.limit_units = limit
    azure.usage_name = usage_name or azure.usage_name
    sync(azure, NOON + hours * HOUR)


def test_it_is_told_once_for_each_change_and_once_more_when_it_holds_again(
    granted: CapacityRequest, search: Service, azure: FakeAzure
):
    for hours, limit in ((1, 340), (2, 340), (3, 1000), (4, 1000), (5, 340)):
        read(azure, hours, limit=limit)
    assert heard(granted) == [AT_RISK, SAFE, AT_RISK]


def test_i01_the_alarm_stands_on_every_page_until_it_holds_again(
    granted: CapacityRequest,
    search: Service,
    pool: Pool,
    azure: FakeAzure,
    browse: Browse,
    ada: User,
    cleo: User,
):
    places = [
        (cleo, reverse("pool", args=[pool.pk])),
        (cleo, reverse("pool_calendar", args=[pool.pk]) + "?from=2026-03-02"),
        (ada, granted.get_absolute_url()),
        (ada, reverse("requests")),
    ]

    def alarms() -> list[bool]:
        shown = [words_of(browse(user).get(address)) for user, address in places]
        return ["At risk" in page or "Grant at risk" in page for page in shown]

    legend = "at risk, or does not fit"
    assert legend in words_of(browse(cleo).get(places[1][1]))
    assert alarms() == [False] * 4
    read(azure, 1, limit=340)
    for hours in (2, 3):  # it stands, however often Azure is read
        assert alarms() == [True] * 4
        assert waiting_for(cleo, at=NOON + HOUR).at_risk == 1
        read(azure, hours, limit=340)
    read(azure, 4, limit=360)
    assert alarms() == [False] * 4
    assert waiting_for(cleo, at=NOON + 4 * HOUR).at_risk == 0


def test_i01_what_is_given_back_ends_the_alarm_too(
    granted: CapacityRequest, search: Service, azure: FakeAzure, ada: User, cleo: User
):
    read(azure, 1, limit=340)
    give_back(granted, by=ada, reason="", at=NOON + HOUR)
    assert waiting_for(cleo, at=NOON + HOUR).at_risk == 0


def test_a_grant_that_azure_moves_into_a_smaller_pool_is_told_of_once(
    granted: CapacityRequest, search: Service, azure: FakeAzure
):
    read(azure, 1, limit=340, usage_name=OTHER)
    read(azure, 2, limit=340)
    assert heard(granted) == [AT_RISK]
    why = Notice.objects.get(event=AT_RISK).facts["why"]
    assert why.startswith("Azure moved its quota: gpt-4o-shared · Global Standard · eastus feeds")
    operators = Notice.objects.filter(event=Event.POOL_LIMIT_CHANGED)
    assert [row.subject for row in operators] == [f"pool/{Pool.objects.get(usage_name=OTHER).pk}"]


def test_a_grant_at_risk_that_azure_moves_into_a_larger_pool_is_said_to_fit(
    granted: CapacityRequest, search: Service, azure: FakeAzure
):
    read(azure, 1, limit=340)
    read(azure, 2, limit=2000, usage_name=OTHER)
    read(azure, 3, limit=2000)
    assert heard(granted) == [AT_RISK, SAFE]


def test_a_grant_that_stays_at_risk_while_it_moves_is_not_told_twice(
    granted: CapacityRequest, search: Service, azure: FakeAzure
):
    read(azure, 1, limit=340)
    read(azure, 2, limit=340, usage_name=OTHER)
    assert heard(granted) == [AT_RISK]


def test_a_pool_that_comes_back_with_its_old_limit_is_looked_at_anew(
    granted: CapacityRequest, search: Service, azure: FakeAzure, pool: Pool
):
    """Its limit did not move, so only the entries that came tell that it is too small."""
    read(azure, 1, limit=2000, usage_name=OTHER)
    pool.limits.update(limit_units=340, azure_used_units=300)
    read(azure, 2, limit=340, usage_name=pool.usage_name)
    assert heard(granted) == [AT_RISK]


@pytest.mark.parametrize("limit", [360, 5000])
def test_nobody_hears_of_a_move_that_leaves_everything_fitting(
    granted: CapacityRequest, search: Service, azure: FakeAzure, limit: int
):
    read(azure, 1, limit=limit, usage_name=OTHER)
    assert heard(granted) == []
