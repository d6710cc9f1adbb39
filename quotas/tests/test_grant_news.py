"""Baselines and transfers are told when Azure was read back with them, and when it was not."""

from datetime import timedelta

import pytest
import time_machine

from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.status import Tick, Ticks
from portal.models import Message, Notice, User
from portal.outbox.wording import said, zone_of
from quotas.models import CapacityRequest, Pool, Service
from quotas.selectors.lasting import LastingStand, lasting_stand
from quotas.services.decisions import approve
from quotas.services.freezes import add_freeze
from quotas.services.grant_news import next_moment, tell_of_lasting
from quotas.services.pools import switch_mode
from quotas.services.requests import submit
from quotas.tests.conftest import Browse, reconcile_at, words_of
from quotas.tests.factories import NOON, FakeAzure
from quotas.tests.test_kinds import TOMORROW, baseline, bot, transfer

__all__ = ["bot"]
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


def events() -> list[str]:
    rows = Notice.objects.filter(event__in=["grant.applied", "grant.not_applied"]).order_by("pk")
    return list(rows.values_list("event", flat=True))


def sentence() -> str:
    notice = Notice.objects.filter(event__startswith="grant.").latest("pk")
    return said(notice, zone_of("UTC"), now=NOON).sentence


def told(event: str) -> set[str]:
    rows = Message.objects.filter(notice__event=event)
    return set(rows.values_list("person__username", flat=True))


def live(azure: FakeAzure, *minutes: int) -> None:
    for minute in minutes:
        reconcile_at(azure, TOMORROW + minute * MINUTE)
        tell_of_lasting(at=TOMORROW + minute * MINUTE)


def granted(service: Service, by: User, owner: User, units: int) -> CapacityRequest:
    asked = submit(baseline(service, units), by=by, at=NOON)
    if asked.state != CapacityRequest.State.APPROVED:
        approve(asked, by=owner, note="", at=NOON)
    return asked


@pytest.mark.parametrize(("units", "what"), [(20, "+20k TPM"), (-50, "-50k TPM")])
def test_a_baseline_is_told_once_when_azure_was_read_back_with_it(
    applying: Pool, chat: Service, azure: FakeAzure, ada: User, cleo: User, units: int, what: str
):
    granted(chat, ada, cleo, units)
    tell_of_lasting(at=TOMORROW - MINUTE)
    assert events() == []
    live(azure, 0, 1, 10, 60)
    assert events() == ["grant.applied"]
    assert told("grant.applied") == {"ada"}
    assert sentence().replace("−", "-") == (
        f"Chat assistant: the baseline change of {what} is in Azure, which was read back with it."
    )


def test_where_the_pool_only_observes_it_is_said_to_be_missing_and_later_to_be_there(
    chat: Service, pool: Pool, azure: FakeAzure, ada: User, cleo: User
):
    granted(chat, ada, cleo, 20)
    live(azure, 0, 4)
    assert events() == []
    live(azure, 5, 6, 90)
    assert events() == ["grant.not_applied"]
    assert "is approved but not in Azure. The pool is in observe-only mode" in sentence()
    switch_mode(pool, mode="apply", by=cleo, at=TOMORROW + 100 * MINUTE)
    live(azure, 101, 102)
    assert events() == ["grant.not_applied", "grant.applied"]


def test_what_azure_refuses_is_told_with_its_reason(
    applying: Pool, chat: Service, azure: FakeAzure, ada: User, cleo: User
):
    azure.refusals = [CloudError(CloudReason.FORBIDDEN, "Headroom may not write there.")] * 3
    granted(chat, ada, cleo, 20)
    live(azure, 0, 5)
    assert events() == ["grant.not_applied"]
    assert sentence().endswith("Headroom may not write there.")


def test_what_a_freeze_holds_back_is_told_with_its_end_in_utc(
    applying: Pool, chat: Service, azure: FakeAzure, ada: User, cleo: User
):
    granted(chat, ada, cleo, 20)
    window = {"starts_at": TOMORROW, "ends_at": TOMORROW + 90 * MINUTE}
    add_freeze(applying, **window, reason="Year end.", by=cleo, at=NOON)
    live(azure, 0, 5)
    assert sentence().endswith(f"{window['ends_at']:%H:%M} UTC: Year end.")


def test_a_transfer_is_told_when_both_ends_are_there_and_to_both_owners(
    applying: Pool, chat: Service, bot: Service, azure: FakeAzure, ada: User, ben: User, cleo: User
):
    Service.objects.filter(pk=bot.pk).update(owner=ben)
    asked = submit(transfer(chat, bot, 30), by=ada, at=NOON)
    if asked.state != CapacityRequest.State.APPROVED:
        approve(asked, by=cleo, note="", at=NOON)
    azure.refusals = [CloudError(CloudReason.CONFLICT, "Another write is under way.")]
    live(azure, 0)
    assert events() == []
    live(azure, 10, 20)
    assert events()[-1] == "grant.applied"
    assert told("grant.applied") == {"ada", "ben"}
    assert "the transfer of 30k TPM to Bot is in Azure" in sentence()


def test_another_team_hears_nothing_and_old_changes_are_history(
    applying: Pool, chat: Service, search: Service, azure: FakeAzure, ada, cleo: User, dan: User
):
    granted(chat, ada, cleo, 20)
    reconcile_at(azure, TOMORROW)
    tell_of_lasting(at=NOON + timedelta(days=7))
    assert events() == []
    tell_of_lasting(at=NOON + timedelta(days=6))
    assert not Message.objects.filter(person=dan, notice__event="grant.applied").exists()
    assert events() == ["grant.applied"]


def test_the_stepper_stops_where_a_missing_change_would_be_told(
    applying: Pool, chat: Service, ada: User, cleo: User
):
    granted(chat, ada, cleo, 20)
    assert next_moment(after=TOMORROW) == TOMORROW + 5 * MINUTE
    assert next_moment(after=TOMORROW + 5 * MINUTE) is None


def shown_ticks(browse: Browse, user: User, request: CapacityRequest) -> str:
    text = words_of(browse(user).get(request.get_absolute_url()))
    return text[text.index("approved") :][:200]


def test_the_page_of_a_baseline_shows_approved_applied_and_verified_as_three_facts(
    applying: Pool,
    chat: Service,
    azure: FakeAzure,
    ada: User,
    cleo: User,
    noon: time_machine.Traveller,
    browse: Browse,
):
    asked = granted(chat, ada, cleo, 20)
    assert lasting_stand(asked, at=TOMORROW - MINUTE) == LastingStand(Ticks(Tick.DONE))
    assert "not yet applied" in shown_ticks(browse, ada, asked)
    before = lasting_stand(asked, at=TOMORROW + MINUTE)
    assert before is not None
    assert before.ticks == Ticks(Tick.DONE, Tick.WAITING)
    assert "one starts every 30 seconds" in before.why_not
    live(azure, 1, 2)
    noon.move_to(TOMORROW + 3 * MINUTE)
    told = shown_ticks(browse, ada, asked)
    assert "applied" in told
    assert "verified" in told
    assert "not yet" not in told


def test_a_transfer_in_a_pool_that_only_observes_is_approved_and_held(
    pool: Pool, chat: Service, bot: Service, azure: FakeAzure, ada: User, cleo: User
):
    asked = submit(transfer(chat, bot, 30), by=ada, at=NOON)
    if asked.state != CapacityRequest.State.APPROVED:
        approve(asked, by=cleo, note="", at=NOON)
    found = lasting_stand(asked, at=TOMORROW + MINUTE)
    assert found is not None
    assert found.ticks == Ticks(Tick.DONE, Tick.HELD)
    assert "observe-only" in found.why_not


def test_a_baseline_that_azure_refuses_says_so(
    applying: Pool, chat: Service, azure: FakeAzure, ada: User, cleo: User
):
    asked = granted(chat, ada, cleo, 20)
    azure.refusals = [CloudError(CloudReason.INSUFFICIENT_QUOTA, "No quota is left.")] * 3
    live(azure, 0)
    found = lasting_stand(asked, at=TOMORROW + MINUTE)
    assert found is not None
    assert found.ticks == Ticks(Tick.DONE, Tick.FAILED)
    assert "No quota is left." in found.why_not
