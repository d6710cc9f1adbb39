"""Home, service, health, search in Chromium: axe finds nothing, the policy holds, charts draw."""

import re

import pytest

from portal.kernel.clock import now
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour
from portal.models import Role, RoleGrant
from portal.tests.test_design_in_a_browser import WATCH, axe_finds, draw_every_chart
from showback.models import BackfillSlice
from showback.services.backfill import plan_backfill
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SERVICE = "/services/assistant/"
THROTTLING = f"{SERVICE}throttling/"


@pytest.fixture
def used(world):
    """Three hours of use up to this moment. Ada leads; Fay has every role that reads."""
    at = now()
    pull_window(Window(floor_to_hour(at) - 3 * HOUR, at), MINUTE, at=at)
    fill_everything(at=at)
    plan_backfill(at=at)
    for role in (Role.PLATFORM_OWNER, Role.AUDITOR):
        RoleGrant.objects.create(user=world.fay, role=role, granted_at=at)
    for user in (world.ada, world.fay):
        user.set_password("headroom")
        user.save()
    return world


@pytest.fixture
def browse(browser, live_server, used):
    """Opens a page as somebody, at a width, in light or dark; notes every breach and error."""
    opened = []

    def go(user, path, *, width=1280, colours="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=colours
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.add_init_script(WATCH)
        opened.append(page)
        page.goto(f"{live_server.url}/accounts/login/?next={path}")
        page.fill("[name=username]", user.username)
        page.fill("[name=password]", "headroom")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{live_server.url}{path}")
        page.wait_for_selector("html[data-ready]")
        return page

    yield go
    for page in opened:
        assert page.errors == []
        assert page.evaluate("window.violations") == []
        page.context.close()


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_the_pages_are_accessible_and_keep_to_the_policy(used, browse, width, colours):
    for user, path in [
        (used.ada, "/"),
        (used.ada, SERVICE),
        (used.ada, THROTTLING),
        (used.fay, "/"),
        (used.fay, "/health/"),
    ]:
        page = browse(user, path, width=width, colours=colours)
        draw_every_chart(page)
        assert axe_finds(page) == [], (user, path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (user, path)


def test_the_period_is_in_the_address_and_back_returns(used, browse):
    page = browse(used.ada, SERVICE)
    page.get_by_role("link", name="7 days").click()
    page.wait_for_url(re.compile(r"period=7d"))
    assert page.get_by_text("the last 7 days").first.is_visible()
    page.go_back()
    page.wait_for_url(re.compile(f"{SERVICE}$"))


def test_a_client_is_found_opened_and_copied_by_keys_alone(used, browse):
    page = browse(used.ada, SERVICE)
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


def test_a_row_of_the_home_table_opens_by_enter(used, browse):
    page = browse(used.ada, "/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(SERVICE))
    assert page.get_by_role("heading", level=1).inner_text() == "Assistant"


def test_the_search_box_opens_the_only_hit(used, browse):
    page = browse(used.ada, "/")
    page.keyboard.press("/")
    page.keyboard.type("assist")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(SERVICE))


def test_progress_of_history_moves_by_itself_and_then_stops_asking(used, browse):
    page = browse(used.fay, "/health/")
    bar = page.locator("#history-minute")
    assert bar.get_attribute("value") == "0"
    BackfillSlice.objects.filter(grain="minute").update(done_at=now())
    page.wait_for_selector(f"#history-minute[value='{bar.get_attribute('max')}']")
    BackfillSlice.objects.update(done_at=now())
    page.wait_for_selector("text=History is complete")
    assert page.locator("#histories[hx-get]").count() == 0
