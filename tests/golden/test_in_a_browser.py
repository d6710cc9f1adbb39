"""The golden path, clicked through in Chromium by Ada, Cleo and Fay."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portal.management.clocks import TwoClocks
from portal.management.stepper import advance
from portal.models import User
from portal.tests.browsing import WATCH
from quotas.models import CapacityRequest, Service
from quotas.tests import factories
from stack.simulator_process import SimulatorProcess
from tests.golden import world
from tests.golden.checks import (
    capacity_in_azure,
    check_cost,
    day_page_of,
    expected_cost,
    expected_minutes,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "golden-path"


class People:
    """A browser window for each person; none of them may ever see a breach of the policy."""

    def __init__(self, browser: "Browser", address: str) -> None:
        self.browser, self.address = browser, address
        self.pages: list[Page] = []

    def sign_in(self, user: User) -> "Page":
        user.set_password(PASSWORD)
        user.save()
        page = self.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(15_000)
        page.add_init_script(WATCH)
        page.goto(f"{self.address}/accounts/login/")
        page.fill("[name=username]", user.username)
        page.fill("[name=password]", PASSWORD)
        page.click("main form button[type=submit]")
        page.wait_for_selector("html[data-ready]")
        self.pages.append(page)
        return page

    def leave(self) -> None:
        for page in self.pages:
            assert page.evaluate("window.violations") == []
            page.context.close()


@pytest.fixture
def people(browser: "Browser", live_server: Any) -> Iterator[People]:
    found = People(browser, live_server.url)
    yield found
    found.leave()


def ask(page: "Page", address: str, code: Service) -> None:
    page.goto(f"{address}/services/{code.slug}/")
    page.get_by_role("link", name="Request burst").first.click()
    page.fill("[name=amount]", "600k")
    page.fill("[name=starts_at]", world.BURST_START.strftime("%Y-%m-%dT%H:%M"))
    page.fill("[name=ends_at]", world.BURST_END.strftime("%Y-%m-%dT%H:%M"))
    page.check("[name=occasion][value=launch]")
    page.fill("[name=purpose]", "Everybody writes code at once.")
    page.wait_for_selector("output.verdict")
    page.get_by_role("button", name="Send request").click()
    page.wait_for_url("**/requests/*/")


def approve(page: "Page", address: str) -> None:
    page.goto(f"{address}/requests/inbox/")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Approved").first.wait_for()


def test_golden_path_in_a_browser(
    code: Service,
    ada: User,
    cleo: User,
    clocks: TwoClocks,
    simulated_azure: SimulatorProcess,
    golden_trace: Path,
    people: People,
) -> None:
    lead, owner = people.sign_in(ada), people.sign_in(cleo)
    ask(lead, people.address, code)
    approve(owner, people.address)
    request = CapacityRequest.objects.get()
    assert request.state == "approved"

    advance(clocks, world.BURST_START - world.LEAD)
    assert capacity_in_azure(simulated_azure) == world.HELD + world.EXTRA
    advance(clocks, world.BURST_START)
    lead.goto(f"{people.address}/requests/{request.pk}/")
    for fact in ("Approved", "Applied", "Verified"):
        assert lead.get_by_text(fact).first.is_visible()

    advance(clocks, world.AFTER)
    assert capacity_in_azure(simulated_azure) == world.HELD
    expected = expected_minutes(golden_trace)
    check_cost(expected, code)

    finance = people.sign_in(factories.person("Fay", factories.FINANCE))
    finance.goto(people.address + day_page_of(code))
    assert f"{expected_cost(expected):,.2f}" in finance.locator("main").inner_text()
    lead.goto(f"{people.address}/services/{code.slug}/")
    lead.wait_for_selector("figure[data-drawn]")
