"""What is counted as waiting for a yes, refused and not writable, and where pages say so."""

import pytest
from django.urls import reverse
from time_machine import Traveller

from portal.models import Notice, User
from quotas.domain.plan import NOTHING_HELD
from quotas.models import Change, LedgerEntry, Pool, Service
from quotas.selectors.stuck import Stuck, stuck_changes
from quotas.services.reversing import reverse_all
from quotas.tests.conftest import Browse, reconcile_at, words_of
from quotas.tests.factories import NOON, FakeAzure


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
