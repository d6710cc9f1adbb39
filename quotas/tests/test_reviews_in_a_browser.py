"""A review in Chromium: decided by keys alone, an offer taken in one click, nothing for others.

Time is real here: the browser and its session live in it, so the window is next week's.
"""

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from portal.models import User
from portal.tests.browsing import Windows, axe_finds
from quotas.models import CapacityRequest, LedgerEntry, Pool, Service

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def offer_by_keys(page: "Page", amount: str) -> None:
    """From the inbox as it opens, without a pointer."""
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.locator("form.offer").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(amount)
    page.keyboard.press("Enter")
    page.get_by_text("waits for the answer to your offer").wait_for()


def test_an_offer_made_by_keys_alone_is_taken_in_one_click(
    visit: Windows,
    next_week: CapacityRequest,
    ada: User,
    cleo: User,
):
    offer_by_keys(visit(cleo, reverse("inbox")), "30k")
    hers = visit(ada, next_week.get_absolute_url())
    assert axe_finds(hers) == []
    hers.get_by_role("button", name="Accept the offer").click()
    hers.get_by_text("The offer is accepted").wait_for()
    assert LedgerEntry.objects.get(request=next_week, kind="burst").units == 30


def test_a_question_is_asked_by_keys_alone(
    visit: Windows,
    next_week: CapacityRequest,
    cleo: User,
):
    page = visit(cleo, reverse("inbox"))
    page.keyboard.press("q")
    page.get_by_text("Write the question; the requester reads it.").wait_for()
    page.keyboard.type("How many people?")
    page.keyboard.press("Escape")
    page.keyboard.press("q")
    page.get_by_text("waits for the answer to your question").wait_for()
    next_week.refresh_from_db()
    assert next_week.state == "needs_info"


def test_a_person_of_another_team_sees_nothing_of_it(
    visit: Windows,
    next_week: CapacityRequest,
    search: Service,
    dan: User,
):
    page = visit(dan, reverse("inbox"))
    assert page.get_by_text("Nothing to decide").count() == 1
    page.goto(page.url.replace(reverse("inbox"), reverse("requests") + "?scope=all"))
    assert page.get_by_text("Chat assistant").count() == 0
    for address in (next_week.get_absolute_url(), reverse("request_offer", args=[next_week.pk])):
        answer = page.request.get(page.url.split("/requests/")[0] + address)
        assert answer.status == 404


def test_axe_finds_nothing_on_the_pages_of_reviews(
    visit: Windows,
    next_week: CapacityRequest,
    pool: Pool,
    cleo: User,
):
    places = [
        reverse("request_offer", args=[next_week.pk]),
        reverse("delegations"),
        reverse("pool_reviews", args=[pool.pk]),
    ]
    for address in places:
        visit.inspect(cleo, address)
