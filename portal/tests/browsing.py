"""What browser tests share: a person's window, axe, and charts that draw when they are seen.

Time is real in them: the browser and its session live in it. Waits are for marks in the page: under
the strict policy Playwright's wait_for_function is refused.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from portal.models import User

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Colours = Literal["light", "dark"]
Rules = dict[str, Any]
EVERY_RULE: Rules = {}
RULES_OF_COLOUR: Rules = {"runOnly": ["color-contrast", "link-in-text-block"]}
# Width, colours, rules of axe. Wide comes after narrow, so that a chart never waits to shrink; in
# the dark nothing but colours is other than in the wide light page before it.
LOOKS: tuple[tuple[int, Colours, Rules], ...] = (
    (390, "light", EVERY_RULE),
    (1280, "light", EVERY_RULE),
    (1280, "dark", RULES_OF_COLOUR),
)
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


SHAPES = "figure.chart g.points"
# What has only a form and colours has no text, name, role, link or focus; no rule is about it.
NOT_BARE = """shapes => [...document.querySelectorAll(`${shapes}, ${shapes} *`)].filter((shape) =>
  !["g", "path"].includes(shape.localName) || /spacing|line-height/.test(shape.style.cssText)
  || [...shape.childNodes].some((node) => node.nodeType === Node.TEXT_NODE)
  || [...shape.attributes].some(({name}) => !["class", "d", "style", "transform"].includes(name))
).map((shape) => shape.outerHTML.slice(0, 200))"""
RUN_AXE = "([context, options]) => axe.run(context, options).then((found) => found.violations)"


class Windows:
    """Called with a path, the page at it; in none may the policy be broken or a script fail."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.pages: list[Page] = []
        self.errors: list[str] = []
        self.inspected: dict[int, Page] = {}

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

    def inspect(self, user: User, path: str) -> None:
        """Looks at one page, charts drawn, in each of LOOKS: axe finds nothing, nothing is wider
        than the window. Pages that one person looks at follow each other in one window.
        """
        page = self.inspected.get(user.pk)
        if page is None:
            page = self.inspected[user.pk] = self(user, path, width=LOOKS[0][0])
        else:
            page.goto("about:blank")  # else the page before would draw its charts for the new look
            wear(page, *LOOKS[0][:2])
            page.goto(self.address + path)
            page.wait_for_selector("html[data-ready]")
        for width, colours, rules in LOOKS:
            wear(page, width, colours)
            draw_every_chart(page)
            found = (axe_finds(page, rules), fits(page))
            assert found == ([], True), f"{path}, {width} wide, {colours}: {found}"
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


def wear(page: Page, width: int, colours: Colours) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=colours)


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


def axe_finds(page: Page, rules: Rules = EVERY_RULE) -> list[tuple[str, list[Any]]]:
    """Rules of accessibility that the page breaks, each with where.

    Of charts the bare shapes are left out: thousands, half of axe's time, and no rule is about one.
    That they are bare is looked at first.
    """
    options = {"resultTypes": ["violations"], **rules}
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe_script())
    assert page.evaluate(NOT_BARE, SHAPES) == [], "shapes of a chart say or do something"
    found = page.evaluate(RUN_AXE, [{"exclude": [[SHAPES]]}, options])
    return [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found]


@cache
def axe_script() -> str:
    return str(Axe().axe_script)


def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
