"""Pages of quotas in Chromium: the live verdict, the keys of the inbox, nothing that axe finds.

Time is real here: the browser and its session live in it, so the window is next week's.
"""

import csv

import pytest
from django.urls import reverse

from portal.kernel.clock import now
from portal.models import User
from portal.tests.browsing import Windows
from quotas.models import CapacityRequest, Pool, Service
from quotas.tests.conftest import sync
from quotas.tests.factories import FakeAzure, deployment_seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_verdict_follows_the_typing_and_its_offer_fills_the_form_in(
    visit: Windows, chat: Service, ada: User
):
    page = visit(ada, reverse("request_burst", args=[chat.slug]))
    verdict = page.locator("#verdict")
    page.fill("[name=amount]", "40k")
    verdict.get_by_text("Approved at once").wait_for()
    page.fill("[name=purpose]", "Kept while the form is filled in.")
    page.fill("[name=amount]", "900k")
    verdict.get_by_text("It does not fit").wait_for()
    verdict.get_by_role("button", name="Ask for 700k TPM instead").click()
    page.locator("#verdict").get_by_text("It fits").wait_for()
    assert page.input_value("[name=amount]") == "700,000"
    assert page.input_value("[name=purpose]") == "Kept while the form is filled in."


def test_enter_in_a_field_sends_the_request_and_not_a_preset(
    visit: Windows, chat: Service, ada: User
):
    page = visit(ada, reverse("request_burst", args=[chat.slug]))
    page.fill("[name=amount]", "41k")
    page.check("[name=occasion][value=launch]")
    page.fill("[name=purpose]", "The launch.")
    page.press("[name=amount]", "Enter")
    page.wait_for_url("**/requests/*/")
    assert CapacityRequest.objects.get().units == 41


def test_the_inbox_is_worked_by_keys(
    visit: Windows, next_week: CapacityRequest, chat: Service, ada: User, cleo: User
):
    page = visit(cleo, reverse("inbox"))
    page.keyboard.press("d")
    page.get_by_text("Say why; the requester reads it.").wait_for()
    page.wait_for_function("document.activeElement.name === 'note'")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.get_by_text("is approved").wait_for()
    next_week.refresh_from_db()
    assert next_week.state == "approved"


def test_blocks_of_the_calendar_are_reached_and_followed_by_keys(
    visit: Windows, next_week: CapacityRequest, pool: Pool, cleo: User
):
    week = f"?from={next_week.starts_at:%Y-%m-%d}"
    page = visit(cleo, reverse("pool_calendar", args=[pool.pk]) + week)
    blocks = page.locator(".capacity-calendar a")
    assert blocks.count() == 2
    blocks.first.focus()
    page.keyboard.press("Tab")
    assert "in review" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{next_week.get_absolute_url()}")


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    visit: Windows,
    next_week: CapacityRequest,
    pool: Pool,
    chat: Service,
    ada: User,
    cleo: User,
):
    burst = reverse("request_burst", args=[chat.slug])
    places = [(ada, burst), (ada, reverse("requests")), (ada, next_week.get_absolute_url())]
    names = ("inbox", "pools", "changes", "unmapped", "services", "models")
    places += [(cleo, reverse(name)) for name in names]
    places += [(cleo, reverse("drill") + "?region=eastus")]
    places += [(cleo, reverse("unmap_deployment", args=[next_week.deployment_id]))]
    of_pool = ("pool", "pool_calendar", "pool_reserve")
    places += [(cleo, reverse(name, args=[pool.pk])) for name in of_pool]
    for user, address in places:
        visit.inspect(user, address)


def test_the_file_of_a_list_that_comes_in_pages_has_every_row(
    visit: Windows, synced: FakeAzure, chat: Service, cleo: User
):
    synced.add(*(deployment_seen(f"trial-{number:02}", 1) for number in range(12)))
    sync(synced, now())
    page = visit(cleo, reverse("unmapped"))
    assert page.locator("#unmapped tbody tr").count() == 10
    with page.expect_download() as file:
        page.get_by_role("button", name="Download CSV").click()
    assert file.value.suggested_filename == "unmapped.csv"
    head, *rows = csv.DictReader(file.value.path().open(encoding="utf-8-sig", newline=""))
    trials = [f"trial-{number:02} acme" for number in range(12)]
    assert [row["Deployment"] for row in (head, *rows)] == ["search acme", *trials]
    assert (head["Capacity"], head["Belongs to"], rows[0]["Capacity"]) == ("200000", "", "1000")
