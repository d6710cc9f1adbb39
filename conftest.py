"""For all tests: none judges by the clock; browser tests run last, in the machine's Chromium."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from portal.tests.browsing import Windows

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile(
    "headroom", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("headroom")

# Making models, classes and tests, Python would look for garbage again and again and find little.
gc.set_threshold(50_000, 50, 100)

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Of the browser tests, longest first (half a minute and more). Short files end the run, so that no
# worker is left alone with a long one while the others have nothing to do.
LONG_FILES = (
    "portal/tests/test_pages_in_a_browser.py",
    "quotas/tests/test_asking_in_a_browser.py",
    "quotas/tests/test_pages_in_a_browser.py",
    "portal/tests/test_design_in_a_browser.py",
    "quotas/tests/test_policy_in_a_browser.py",
    "quotas/tests/test_people_in_a_browser.py",
    "tests/golden/test_in_a_browser.py",
    "quotas/tests/test_onboarding_in_a_browser.py",
)


def chromium() -> str | None:
    """The program: CHROMIUM in the environment, else the first known name on the PATH."""
    chosen = os.environ.get("CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last, as Playwright's event loop stays in the process once it has begun."""
    items.sort(key=turn_of)


def turn_of(item: pytest.Item) -> int:
    """0 without a browser; of those with one the longest files come before the short ones."""
    if item.get_closest_marker("browser") is None:
        return 0
    file = item.nodeid.partition("::")[0]
    return 1 + (LONG_FILES.index(file) if file in LONG_FILES else len(LONG_FILES))


def pytest_collection_finish() -> None:
    """What was imported stays to the end, so no later search for garbage looks at it."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and chromium() is None:
        reason = "no Chromium: `sudo apt install chromium`, or set CHROMIUM to its path"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI=true requires the browser tests, but there is {reason}", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """The database as always; tests that commit leave it empty by a quicker way."""
    from django.test import TransactionTestCase

    from portal.tests.emptying import empty_filled_tables

    TransactionTestCase._fixture_teardown = empty_filled_tables


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    # Playwright's synchronous interface runs an event loop in this thread until the end, and Django
    # refuses its ORM in a thread with one, although no coroutine of ours is ever on the stack.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        # Chromium cannot make its sandbox as root or in most containers; it only visits our pages.
        launched = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Iterator[Windows]:
    """visit(ada, "/requests/") is that page in Ada's window; width and colours may be chosen."""
    from portal.tests.browsing import Windows  # only browser tests need Playwright

    windows = Windows(browser, live_server.url)
    yield windows
    windows.close_all()
