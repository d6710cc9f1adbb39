"""The style guide in Chromium: nothing that the policy forbids or axe finds; keys, tables, charts.

Waits are for marks in the page: under the strict policy Playwright's wait_for_function is refused.
"""

import re

import pytest

from portal.tests.browsing import RULES_OF_COLOUR, axe_finds, draw_every_chart, fits, wear

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def guide(visit):
    """The style guide, wide and light."""
    return visit(None, "/styleguide")


@pytest.mark.parametrize("width", [1280, 390])
def test_every_component_is_accessible_and_keeps_to_the_policy(guide, width):
    wear(guide, width, "light")
    assert draw_every_chart(guide) == ["narrow" if width < 560 else "wide"] * 5
    assert (axe_finds(guide), fits(guide)) == ([], True)
    wear(guide, width, "dark")
    assert axe_finds(guide, RULES_OF_COLOUR) == []


def test_a_chart_shows_its_table_and_saves_both_forms(guide):
    chart = guide.locator("#teams")
    chart.scroll_into_view_if_needed()
    guide.wait_for_selector("#teams[data-drawn]")
    chart.get_by_role("button", name="Show as table").click()
    assert chart.get_by_role("row", name="Assistant").is_visible()
    with guide.expect_download() as csv:
        chart.get_by_role("button", name="CSV").click()
    assert (
        csv.value.path().read_text("utf-8-sig").splitlines()[1] == "Assistant,4210.22,610,4820.22"
    )
    chart.get_by_role("button", name="Show as chart").click()
    with guide.expect_download() as png:
        chart.get_by_role("button", name="PNG").click()
    assert png.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_table_sorts_filters_and_the_address_remembers(guide):
    first = guide.locator("#teams-table tbody tr:visible .row-link").first
    guide.locator("#teams-table").get_by_role("button", name="Cost").click()
    assert first.inner_text() == "Risk lab"
    guide.get_by_label("Filter").fill("cla")
    assert guide.locator("#teams-table tbody tr:visible").count() == 1
    assert guide.get_by_text("1 of 6 teams").is_visible()
    guide.reload()
    guide.wait_for_selector("html[data-ready]")
    assert first.inner_text() == "Claims"
    assert re.search(r"teams-table\.sort=-4&teams-table\.q=cla", guide.url)
    with guide.expect_download() as csv:
        guide.get_by_role("button", name="Download CSV").click()
    shown = csv.value.path().read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in shown] == ["Team", "Claims", "Together"]


def test_keys_open_help_walk_and_search(guide):
    guide.keyboard.press("?")
    assert guide.get_by_role("dialog").is_visible()
    guide.keyboard.press("Escape")
    guide.keyboard.press("j")
    assert guide.evaluate("document.activeElement.matches('[data-item]')")
    guide.keyboard.press("/")
    assert guide.evaluate("document.activeElement.id") == "search"
    guide.keyboard.type("j?")
    assert guide.locator("#search").input_value() == "j?"


def test_chosen_colours_outlive_the_page_and_charts_follow(guide):
    draw_every_chart(guide)
    dark = guide.evaluate("getComputedStyle(document.body).backgroundColor")
    guide.locator("[data-menu] summary").click()
    guide.get_by_role("button", name="Colours").click()
    assert guide.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    guide.reload()
    assert guide.locator("html[data-theme=dark]").count() == 1


def test_without_script_the_tables_stand_in_for_the_charts(browser, live_server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/styleguide")
    assert page.locator("#use-table").is_visible()
    assert not page.locator("#use .chart-plot").is_visible()
    assert not page.get_by_text("Download CSV").is_visible()
    context.close()
