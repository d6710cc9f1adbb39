"""What is counted as waiting for a yes, refused and not writable, and where pages say so."""

import pytest
from django.urls import reverse
from time_machine import Traveller

from portal.kernel.errors import CloudError, CloudReason
from portal.models import Notice, User
from quotas.domain.plan import NOTHING_HELD
from quotas.models import CapacityRequest, Change, LedgerEntry, Pool, Service
from quotas.selectors.stuck import Stuck, stuck_changes
from quotas.services import apply, kill_switch
from quotas.services.reversing import reverse_all
from quotas.tests.conftest import Browse, reconcile_at, sync, words_of
from quotas.tests.factories import NOON, FakeAzure, utc

START = utc("2026-03-03 10:00")


@pytest.fixture
def unheld(chat: Service, applying: Pool, azure: FakeAzure) -> Change:
    """Of chat nothing is held any more; Headroom deletes nothing."""
    held = LedgerEntry.objects.get(service=chat)
    reverse_all(held, since=NOON, reason="Given up.", by_id=None, at=NOON)
    reconcile_at(azure, NOON)
    return Change.objects.get()


def test_what_no_yes_can_write_is_not_told_as_waiting_for_one(
    unheld: Change, cleo: User, azure: FakeAzure
) -> None:
    assert (unheld.state, unheld.sentence, azure.writes) == ("needs_human", NOTHING_HELD, [])
    assert Notice.objects.get(subject=f"change/{unheld.pk}").event == "change.unwritable"
    assert stuck_changes(cleo, at=NOON) == Stuck(0, 0, 0, unwritable=1)


def test_what_no_yes_can_write_says_so_wherever_it_stands(
    unheld: Change, browse: Browse, cleo: User, noon: Traveller
) -> None:
    hers = browse(cleo)
    shown = hers.get(reverse("changes"))
    assert shown.context["found"].rows[0].status.word == "Cannot be written"
    assert "1 cannot be written." in words_of(shown)
    for name in ("changes", "home", "health"):
        page = words_of(hers.get(reverse(name)))
        assert "1 cannot be written" in page, name
        assert "1 waits for a yes" not in page, name


# ── Refused, and not through for another reason ──────────────────────────────────────────────

QUOTA = CloudError(CloudReason.INSUFFICIENT_QUOTA, "The quota is used up.")
SILENT = CloudError(CloudReason.TIMEOUT, "Azure did not answer in time.")


@pytest.mark.parametrize(
    ("refusal", "counted", "said"),
    [
        (QUOTA, Stuck(0, 0, refused=1), "Azure refused 1 change."),
        (SILENT, Stuck(0, 0, 0, hindered=1), "1 does not get through to Azure."),
    ],
)
def test_only_what_azure_said_no_to_counts_as_refused(
    applying: Pool, granted: CapacityRequest, azure: FakeAzure, browse: Browse, cleo: User,
    noon: Traveller, refusal: CloudError, counted: Stuck, said: str,
) -> None:  # fmt: skip
    azure.refusals = [refusal]
    noon.move_to(START)
    reconcile_at(azure, START)
    assert stuck_changes(cleo, at=START) == counted
    hers = browse(cleo)
    noon.move_to(START)
    assert said in words_of(hers.get(reverse("changes")))
    assert said.removesuffix(".").split()[-1] in words_of(hers.get(reverse("health")))


def test_what_was_never_sent_was_not_refused(
    applying: Pool, granted: CapacityRequest, azure: FakeAzure, cleo: User, monkeypatch
) -> None:
    def barred(*_: object, **__: object) -> None:
        raise CloudError(CloudReason.CAPACITY_NOT_AVAILABLE, "Azure has none there.")

    monkeypatch.setattr(apply, "check_capacity", barred)
    reconcile_at(azure, START)
    assert (Change.objects.get().state, azure.writes) == ("blocked", [])
    assert stuck_changes(cleo, at=START) == Stuck(0, 0, 0, hindered=1)


def test_home_counts_no_more_than_there_is(browse: Browse, applying: Pool, cleo: User) -> None:
    page = words_of(browse(cleo).get(reverse("home")))
    assert "Refused by Azure0nothing waits for a yes" in page
    assert "0 more" not in page


# ── When what was agreed to is written ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("mode", "killed", "said"),
    [
        ("apply", False, "acme/chat is written at the next run."),
        ("apply", True, "acme/chat is written once the kill switch is off."),
        ("observe", False, "is written once an owner of its pool turns applying on"),
    ],
)
def test_a_yes_says_when_it_is_written(
    chat: Service, applying: Pool, azure: FakeAzure, browse: Browse, cleo: User,
    mode: str, killed: bool, said: str,
) -> None:  # fmt: skip
    Pool.objects.update(mode=mode)
    azure.edit("chat", 130)
    sync(azure, NOON)
    reconcile_at(azure, NOON)
    if killed:
        kill_switch.throw(reason="Stop.", by=cleo, at=NOON)
    address = reverse("change_write_back", args=[Change.objects.get().pk])
    page = browse(cleo).post(address, {"reason": "A mistake."}, follow=True)
    assert said in words_of(page)
