"""Home, service, health, search in Chromium: axe finds nothing, the policy holds, charts draw."""

import re

import pytest

from portal.kernel.clock import now
from showback.models import BackfillSlice

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SERVICE = "/services/assistant/"
THROTTLING = f"{SERVICE}throttling/"


def test_the_pages_are_accessible_and_keep_to_the_policy(used, visit):
    for user, path in [
        (used.ada, "/"),
        (used.ada, SERVICE),
        (used.ada, THROTTLING),
        (used.fay, "/"),
        (used.fay, "/health/"),
    ]:
        visit.inspect(user, path)


def test_the_period_is_in_the_address_and_back_returns(used, visit):
    page = visit(used.ada, SERVICE)
    page.get_by_role("link", name="7 days").click()
    page.wait_for_url(re.compile(r"period=7d"))
    assert page.get_by_text("the last 7 days").first.is_visible()
    page.go_back()
    page.wait_for_url(re.compile(f"{SERVICE}$"))


def test_a_client_is_found_opened_and_copied_by_keys_alone(used, visit):
    page = visit(used.ada, SERVICE)
    page.get_by_role("link", name="refused, and what helps").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(THROTTLING))
    page.wait_for_selector("html[data-ready]")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("summary", has_text="package openai").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Copied.").wait_for()
    assert "AzureOpenAI" in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('pre.snippet')")


def test_a_row_of_the_home_table_opens_by_enter(used, visit):
    page = visit(used.ada, "/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(SERVICE))
    assert page.get_by_role("heading", level=1).inner_text() == "Assistant"


def test_the_search_box_opens_the_only_hit(used, visit):
    page = visit(used.ada, "/")
    page.keyboard.press("/")
    page.keyboard.type("assist")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(SERVICE))


def test_progress_of_history_moves_by_itself_and_then_stops_asking(used, visit):
    page = visit(used.fay, "/health/")
    bar = page.locator("#history-minute")
    assert bar.get_attribute("value") == "0"
    BackfillSlice.objects.filter(grain="minute").update(done_at=now())
    page.wait_for_selector(f"#history-minute[value='{bar.get_attribute('max')}']")
    BackfillSlice.objects.update(done_at=now())
    page.wait_for_selector("text=History is complete")
    assert page.locator("#histories[hx-get]").count() == 0
