"""A person sees the places that exist and that their roles use."""

from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import path

from portal import navigation
from portal.models import RoleGrant, User
from portal.navigation import Place

urlpatterns = [
    path(address, lambda request: HttpResponse(), name=name)
    for address, name in [
        ("", "home"), ("pools/", "pools"), ("requests/", "requests"),
        ("requests/inbox/", "inbox"), ("services/", "services"), ("health/", "health"),
    ]
]  # fmt: skip
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture
def ben():
    return User.objects.create_user("ben")


@pytest.fixture
def cleo():
    cleo = User.objects.create_user("cleo")
    RoleGrant.objects.create(user=cleo, role="platform_owner", granted_at="2025-01-01T00:00Z")
    return cleo


def links(user, at="/"):
    request = RequestFactory().get(at)
    request.user = user
    return navigation.navigation(request)


def labels(user):
    return [[link.label, *(child.label for child in link.children)] for link in links(user)]


def test_a_member_sees_neither_inbox_nor_health(ben):
    assert labels(ben) == [
        ["Home"], ["Capacity", "Pools"], ["Requests", "Mine"], ["Services", "Services"],
    ]  # fmt: skip


def test_a_platform_owner_sees_inbox_and_health(cleo):
    assert ["Requests", "Mine", "Inbox"] in labels(cleo)
    assert ["Health"] in labels(cleo)


def test_a_page_that_does_not_exist_yet_is_absent(cleo):
    assert "Showback" not in [link.label for link in links(cleo)]
    assert navigation.url_of("showback") is None


def test_a_page_below_a_place_marks_the_longest_match_only(cleo):
    requests = next(link for link in links(cleo, "/requests/inbox/7/") if link.active)
    assert requests.label == "Requests"
    assert [(child.label, child.active) for child in requests.children] == [
        ("Mine", False), ("Inbox", True),
    ]  # fmt: skip


def test_home_is_active_only_at_home(ben):
    assert [link.label for link in links(ben, "/") if link.active] == ["Home"]
    assert [link.label for link in links(ben, "/elsewhere/") if link.active] == []


def test_nobody_signed_in_sees_no_navigation():
    assert navigation.navigation(SimpleNamespace(path="/")) == []  # type: ignore[arg-type]


def test_letters_are_used_once():
    places = [child for place in navigation.PLACES for child in (place.children or (place,))]
    letters = [place.letter for place in places if isinstance(place, Place)]
    assert len(set(letters)) == len(letters)
