"""Whoever may decide finds the way: delegates and finance have the inbox, and a count at home."""

import pytest
from django.urls import reverse

from portal.kernel.windows import Window
from portal.models import User
from quotas.models import CapacityRequest
from quotas.services import delegations
from quotas.tests.conftest import Browse
from quotas.tests.factories import NOON, utc

WEEK = Window(NOON, utc("2026-03-09 12:00"))


def has_inbox(browse: Browse, user: User) -> bool:
    """In the navigation of a page that does not speak of the inbox itself."""
    return reverse("inbox") in browse(user).get(reverse("glossary")).content.decode()


@pytest.fixture
def delegated(waiting: CapacityRequest, dan: User, cleo: User) -> User:
    delegations.delegate(dan, WEEK, by=cleo, at=NOON)
    return dan


def test_a_delegate_has_the_inbox_while_the_delegation_lasts(delegated: User, browse: Browse, noon):
    assert has_inbox(browse, delegated)
    noon.move_to(WEEK.end)
    assert not has_inbox(browse, delegated)


def test_home_tells_a_delegate_what_waits(delegated: User, browse: Browse, ben: User):
    assert "1 request waits for your decision" in _words(browse, delegated)
    assert "for your decision" not in _words(browse, ben)


def test_finance_has_the_inbox(browse: Browse, fay: User, ben: User):
    assert has_inbox(browse, fay)
    assert not has_inbox(browse, ben)


def _words(browse: Browse, user: User) -> str:
    text = browse(user).get(reverse("home")).content.decode()
    return " ".join(text.replace("<strong>", "").replace("</strong>", "").split())
