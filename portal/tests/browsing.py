"""What browser tests share: a person's window, axe, and charts that draw when they are seen.

Time is real in them: the browser and its session live in it. Waits are for marks in the page: under
the strict policy Playwright's wait_for_function is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from portal.models import User

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Colours = Literal["light", "dark"]
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


class Windows:
    """Called with a path, the page at it; in none may the policy be broken or a script fail."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.pages: list[Page] = []
        self.errors: list[str] = []
        self.inspected: dict[tuple[int, int, Colours], Page] = {}

    def __call__(
        self, user: User | None, path: str, *, width: int = 1280, colours: Colours = "light"
    ) -> Page:
        """A window of its own for this person, signed in; of nobody for None."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=colours, accept_downloads=True
        )
        if user:
            session = session_of(user)
            context.add_cookies([{"name": "sessionid", "value": session, "url": self.address}])
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.add_init_script(WATCH)
        self.pages.append(page)
        page.goto(self.address + path)
        page.wait_for_selector("html[data-ready]")
        return page

    def inspect(
        self, user: User, path: str, *, width: int = 1280, colours: Colours = "light"
    ) -> None:
        """Looks at one page, charts drawn: axe finds nothing, nothing is wider than the window.
        Pages that one person looks at in one way follow each other in one window.
        """
        look = (user.pk, width, colours)
        page = self.inspected.get(look)
        if page is None:
            page = self.inspected[look] = self(user, path, width=width, colours=colours)
        else:
            page.goto(self.address + path)
            page.wait_for_selector("html[data-ready]")
        draw_every_chart(page)
        assert (path, axe_finds(page), fits(page)) == (path, [], True)
        self.check(page)

    def check(self, page: Page) -> None:
        """Fails where the policy was broken or a script failed."""
        assert (page.evaluate("window.violations"), self.errors) == ([], [])

    def close(self, page: Page) -> None:
        self.check(page)
        self.pages.remove(page)
        page.context.close()

    def close_all(self) -> None:
        for page in list(self.pages):
            self.close(page)


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def draw_every_chart(page: Page) -> list[str | None]:
    """How each was drawn, `narrow` or `wide`: a chart draws when it comes into view."""
    for figure in page.locator("figure[data-chart]").all():
        figure.scroll_into_view_if_needed()
        page.wait_for_selector(f"#{figure.get_attribute('id')}[data-drawn]")
    return [figure.get_attribute("data-drawn") for figure in page.locator("figure.chart").all()]


def axe_finds(page: Page) -> list[tuple[str, list[Any]]]:
    """Rules of accessibility that the page breaks, each with where."""
    return [
        (found["id"], [node["target"] for node in found["nodes"]])
        for found in Axe().run(page).response["violations"]
    ]


def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
