"""Takes the pictures of the docs from the running demo, into docs/img/.

./headroom demo                                                     (in another terminal)
.venv/bin/python tools/screenshots.py [http://127.0.0.1:8000]
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conftest import chromium  # noqa: E402
from stack.paths import PROJECT  # noqa: E402

PASSWORD = "headroom"  # noqa: S105  the demo's own, printed by it
WIDE = {"width": 1280, "height": 860}
# file name → (who looks, path, colour scheme)
PICTURES = {
    "service": ("ada", "/services/care-assistant/?period=7d", "light"),
    "request-burst": ("ada", "/services/care-assistant/burst/", "light"),
    "inbox": ("cleo", "/requests/inbox/", "light"),
    "changes": ("cleo", "/changes/", "light"),
    "pool": ("cleo", "/pools/1/", "light"),
    "showback": ("fay", "/showback/", "light"),
    "home-dark": ("cleo", "/", "dark"),
    "register": ("eva", "/services/register/", "light"),
}
# What somebody types before the picture is taken: fields, then choices.
TYPED = {
    "register": (
        {"name": "Brief writer", "tokens_per_minute": "60k"},
        {"model": "OpenAI|gpt-4o-mini|2024-07-18", "home": "swedencentral"},
        {"data_residency": "anywhere", "latency": "interactive", "shape": "office_hours"},
    )
}


def main() -> int:
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    target = PROJECT / "docs" / "img"
    target.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name, (person, path, scheme) in PICTURES.items():
            page = sign_in(browser, address, person, scheme)
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
            if name in TYPED:
                type_in(page, *TYPED[name])
            page.screenshot(path=target / f"{name}.png")
            page.context.close()
            print(f"docs/img/{name}.png")
        browser.close()
    return 0


def type_in(
    page: Page, fields: dict[str, str], chosen: dict[str, str], ticked: dict[str, str]
) -> None:
    """And waits for the suggestion that answers it, which is what the picture shows."""
    for name, value in ticked.items():
        page.check(f"[name={name}][value={value}]")
    for name, value in chosen.items():
        page.select_option(f"[name={name}]", value)
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.wait_for_selector("fieldset.places")
    page.locator("#need-head").evaluate("head => head.scrollIntoView()")


def sign_in(browser: Browser, address: str, person: str, scheme: str) -> Page:
    page = browser.new_context(viewport=WIDE, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.goto(f"{address}/accounts/login/")
    page.fill("[name=username]", person)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_load_state()
    return page


if __name__ == "__main__":
    sys.exit(main())
