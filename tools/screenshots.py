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
            page.screenshot(path=target / f"{name}.png")
            page.context.close()
            print(f"docs/img/{name}.png")
        browser.close()
    return 0


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
