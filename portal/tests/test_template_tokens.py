"""No form loses its token: an include with `only` hands `csrf_token` on, or its form is refused.

Django's test client does not ask for the token, so no test of a page would notice.
"""

import re

from django.conf import settings

FOLDER = settings.BASE_DIR / "templates"
INCLUDE = re.compile(r'{%\s*include\s+"([^"]+)"\s*([^%]*)%}')
TEXTS = {str(path.relative_to(FOLDER)): path.read_text() for path in FOLDER.rglob("*.html")}


def needs_token(name: str) -> bool:
    """It has a form of its own, or includes one that sees what it sees."""
    text = TEXTS[name]
    seen = (other for other, words in INCLUDE.findall(text) if "only" not in words.split())
    handed_on = any("csrf_token=csrf_token" in words for _, words in INCLUDE.findall(text))
    return "{% csrf_token %}" in text or handed_on or any(needs_token(other) for other in seen)


def test_every_include_hands_the_token_to_a_form() -> None:
    closed = [
        (name, other, words)
        for name, text in TEXTS.items()
        for other, words in INCLUDE.findall(text)
        if "only" in words.split() and needs_token(other)
    ]
    assert len(closed) > 10
    assert [found for found in closed if "csrf_token=csrf_token" not in found[2]] == []
