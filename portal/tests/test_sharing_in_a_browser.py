"""Unattributed use worked to zero in Chromium, and the pages of sharing: axe, policy, widths."""

from datetime import timedelta

import pytest

from portal.kernel.clock import now
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour
from portal.models import Role
from portal.tests.browsing import axe_finds
from showback.gateway import CallerKey
from showback.models import SplitRule
from showback.services import caller_pull
from showback.services.caller_pull import pull_source, workspaces
from showback.services.rollup import fill_everything
from showback.services.sharing import share_deployment
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.fakes import FakeCallers, share_of_steady

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOBODYS, LIST, IMPORT = "/unattributed/", "/sharing/", "/sharing/import/"


@pytest.fixture
def shared(world, settings, monkeypatch):
    """Three hours of a shared chat: its gateway saw nine of its ten requests a minute."""
    settings.HEADROOM_LOG_WORKSPACES = ["22222222-2222-2222-2222-222222222222"]
    world.cleo = make.person("Cleo", Role.PLATFORM_OWNER)
    keys = [CallerKey(name, "ai-apps", make.HOST, "chat") for name in ("assistant-key", "k-77")]
    callers = FakeCallers(keys, share_of_steady({"assistant-key": 6, "k-77": 3}))
    monkeypatch.setattr(caller_pull, "caller_source", callers)
    at = now()
    start = floor_to_hour(at) - 3 * HOUR
    pull_window(Window(start, at), MINUTE, at=at)
    pull_source(workspaces(at=at)[0], Window(start, floor_to_hour(at)), at=at)
    share_deployment(world.chat.pk, start=start, reason="A test.", by=world.cleo, at=at)
    fill_everything(at=at)
    world.page = f"/sharing/{world.chat.pk}/"
    return world


def row(page, words):
    return page.locator("#buckets tbody tr", has_text=words)


def share(page, number, service, percent):
    page.select_option(f"#share-service-{number}", label=service)
    page.fill(f"#share-percent-{number}", percent)


def give(page, words, service):
    row(page, words).locator("select").select_option(label=service)
    row(page, words).get_by_role("button", name="Give").click()
    page.get_by_text("The figures follow").first.wait_for()


def test_what_is_nobodys_is_worked_to_zero(shared, visit, live_server):
    page = visit(shared.cleo, NOBODYS)
    assert "likely, names" in row(page, "assistant-key").inner_text()
    row(page, "assistant-key").get_by_role("button", name="Accept").click()
    page.get_by_text("assistant-key is Assistant since its first call").wait_for()
    give(page, "k-77", "Digest (Delta)")
    give(page, "acme/stray", "Digest (Delta)")
    fill_everything(at=now())  # the roll-up, that beat runs each minute
    page.reload()
    assert page.locator("#buckets tbody tr").count() == 1
    row(page, "Past the gateway").get_by_role("link", name="Set a split rule").click()
    page.wait_for_url(f"**{shared.page}#rule-head")

    share(page, 1, "Assistant (Atlas)", "50")
    yesterday = now() - timedelta(days=1)
    page.fill("[name=start]", yesterday.strftime("%Y-%m-%d"))
    page.get_by_role("button", name="Save the rule").click()
    page.get_by_text("The shares sum to 50 %, 50 % less than the whole").first.wait_for()
    assert not SplitRule.objects.exists()
    refused_at = page.url
    share(page, 2, "Digest (Delta)", "50")
    page.get_by_role("button", name="Save the rule").click()
    page.get_by_role("link", name="Reason: This changes figures of the past").wait_for()
    assert page.input_value("#share-percent-1") == "50"
    page.fill("[name=reason]", "Calls past the gateway are half each.")
    page.get_by_role("button", name="Save the rule").click()
    page.get_by_text("The rule is saved").wait_for()

    page.goto(refused_at)
    assert page.url.partition("#")[0] == live_server.url + shared.page
    fill_everything(at=now())
    page.goto(live_server.url + NOBODYS)
    assert page.get_by_text("Nothing is unattributed").is_visible()


def test_a_refused_mark_keeps_what_was_chosen_and_its_address_can_be_opened(
    shared, visit, live_server
):
    page = visit(shared.cleo, LIST)
    page.select_option("[name=deployment]", label="acme/ptu")
    page.fill("[name=start]", (now() - timedelta(days=1)).strftime("%Y-%m-%d"))
    page.get_by_role("button", name="Mark as shared").click()
    page.get_by_role("link", name="Reason: This changes figures of the past").wait_for()
    assert page.locator("[name=deployment] option:checked").inner_text() == "acme/ptu"
    assert axe_finds(page) == []
    page.goto(page.url.partition("#")[0])
    assert page.url == live_server.url + LIST


def test_the_pages_are_accessible_and_keep_to_the_policy(shared, visit):
    for path in (LIST, shared.page, NOBODYS, IMPORT):
        visit.inspect(shared.cleo, path)
