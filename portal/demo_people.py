"""Who can be tried in the demo: read by the sign-in page and by the commands that make the demo."""

import json
from functools import cache
from pathlib import Path
from typing import Any

PASSWORD = "headroom"  # noqa: S105  the demo listens on this machine only
ORGANISATION = Path(__file__).parent / "management" / "demo" / "organisation.json"
MADE_BUT_NOT_OFFERED = ("otto",)  # a second platform owner adds nothing to try


@cache
def organisation() -> dict[str, Any]:
    """The demo's people, teams and services. Fiction."""
    found: dict[str, Any] = json.loads(ORGANISATION.read_text(encoding="utf-8"))
    return found


def sign_ins() -> list[tuple[str, str, str]]:
    """(user name, name, what they do) of the people worth trying, one for each role."""
    found = [(p["username"], p["name"], p["says"]) for p in organisation()["people"]]
    leads = [
        (t["lead"]["username"], t["lead"]["name"], f"Lead of {t['name']}")
        for t in organisation()["teams"][:2]
    ]
    return [*leads, *(row for row in found if row[0] not in MADE_BUT_NOT_OFFERED)]
