"""Messages and freezes in Chromium: axe finds nothing, the policy holds, keys are enough."""

import re

import pytest

from portal import outbox
from portal.kernel.clock import now
from portal.kernel.windows import DAY, HOUR
from portal.models import Message
from portal.outbox import Event
from quotas.services.freezes import add_freeze

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def told(used):
    """Ada's burst ends soon; Fay has agreed on a freeze of all pools."""
    at = now()
    outbox.tell(
        Event.BURST_ENDING_SOON,
        [used.ada],
        subject="service/assistant",
        url="/services/assistant/",
        at=at,
        service="Assistant",
        amount="40k TPM",
        until_at=at + HOUR,
    )
    window = {"starts_at": at + DAY, "ends_at": at + 2 * DAY}
    add_freeze(None, **window, reason="Quarter-end.", by=used.fay, at=at)
    return used


def test_the_pages_are_accessible_and_fit_every_width(told, visit):
    for user, path in [
        (told.ada, "/messages/"),
        (told.fay, "/messages/"),
        (told.fay, "/messages/mail/"),
        (told.fay, "/freezes/"),
        (told.ada, "/freezes/"),
    ]:
        visit.inspect(user, path)


def test_a_message_is_found_by_its_bell_and_opened_by_keys(told, visit):
    page = visit(told.ada, "/glossary/")
    page.get_by_role("link", name="Messages, 1 unread").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/messages/$"))
    page.wait_for_selector("html[data-ready]")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/services/assistant/"))
    assert page.get_by_role("link", name="Messages", exact=True).is_visible()
    assert Message.objects.get().read_at is not None
