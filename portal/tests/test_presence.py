"""Who is gone: deactivated, or not seen for 90 days; and what notes that somebody is there."""

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.authentication import BasicAuthentication

from portal.api import Messages
from portal.models import User
from portal.sign_in import note_seen
from quotas.tests.factories import NOON, person

DAYS_90 = timedelta(days=90)
SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.django_db


def somebody(**facts: Any) -> User:
    user = person("Ada")
    User.objects.filter(pk=user.pk).update(**facts)
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize(
    ("facts", "gone"),
    [
        ({"last_seen_at": NOON}, False),
        ({"last_seen_at": NOON - DAYS_90 + SECOND}, False),
        ({"last_seen_at": NOON - DAYS_90}, True),
        ({"last_seen_at": NOON, "is_active": False}, True),
        ({"last_seen_at": None, "counted_from": NOON - DAYS_90 + SECOND}, False),
        ({"last_seen_at": None, "counted_from": NOON - DAYS_90}, True),
        ({"last_seen_at": NOON, "counted_from": NOON - 2 * DAYS_90}, False),
    ],
)
def test_gone_is_who_was_deactivated_or_not_seen_for_90_days(
    facts: dict[str, Any], gone: bool
) -> None:
    user = somebody(**facts)
    assert user.is_gone(NOON) is gone
    assert User.objects.gone_at(NOON).filter(pk=user.pk).exists() is gone
    assert User.objects.present_at(NOON).filter(pk=user.pk).exists() is not gone


def test_how_long_it_takes_is_a_setting(settings: Any) -> None:
    user = somebody(last_seen_at=NOON - timedelta(days=10))
    settings.HEADROOM_GONE_AFTER_DAYS = 10
    assert user.is_gone(NOON)
    settings.HEADROOM_GONE_AFTER_DAYS = 11
    assert not user.is_gone(NOON)


def test_it_is_written_once_in_24_hours_at_most() -> None:
    user = somebody(last_seen_at=None)
    assert note_seen(user, at=NOON)
    assert not note_seen(user, at=NOON + timedelta(hours=23))
    assert User.objects.get(pk=user.pk).last_seen_at == NOON
    assert note_seen(user, at=NOON + timedelta(hours=24))
    earlier = User.objects.get(pk=user.pk)
    note_seen(earlier, at=NOON)  # a clock that was set back takes nothing away
    assert User.objects.get(pk=user.pk).last_seen_at == NOON + timedelta(hours=24)


def test_two_requests_at_once_write_it_once() -> None:
    user = somebody(last_seen_at=None)
    twin = User.objects.get(pk=user.pk)
    assert note_seen(user, at=NOON)
    assert not note_seen(twin, at=NOON + SECOND)


def updates_of(client: Client) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(reverse("glossary"))
    return sum(row["sql"].startswith("UPDATE") and "last_seen_at" in row["sql"] for row in queries)


def test_who_opens_a_page_was_seen_and_the_next_pages_of_the_day_write_nothing(
    browse: Callable[[User], Client], noon: Any
) -> None:
    client = browse(person("Ada"))
    noon.move_to(NOON + timedelta(days=3))
    assert (updates_of(client), updates_of(client)) == (1, 0)
    assert User.objects.get(username="ada").last_seen_at == NOON + timedelta(days=3)


def test_signing_in_counts_as_seen(noon: Any) -> None:
    ada = person("Ada")
    ada.set_password("a-long-word")
    ada.save()
    Client().post(reverse("login"), {"username": "ada", "password": "a-long-word"})
    assert User.objects.get(pk=ada.pk).last_seen_at == NOON


def test_nobody_who_is_not_signed_in_is_noted(noon: Any) -> None:
    assert updates_of(Client()) == 0


def test_whom_the_api_knows_without_a_session_is_seen_too(
    noon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = person("Ada")
    ada.set_password("a-long-word")
    ada.save()
    monkeypatch.setattr(Messages, "authentication_classes", [BasicAuthentication])
    secret = b64encode(b"ada:a-long-word").decode()
    answer = Client().get("/api/v1/messages/", headers={"authorization": f"Basic {secret}"})
    assert answer.status_code == 200
    assert User.objects.get(pk=ada.pk).last_seen_at == NOON


def test_whoever_comes_back_is_present_at_once(browse: Callable[[User], Client], noon: Any) -> None:
    ada, later = person("Ada"), NOON + timedelta(days=200)
    client = browse(ada)
    assert User.objects.get(pk=ada.pk).is_gone(later)
    noon.move_to(later)
    client.force_login(ada)
    client.get(reverse("glossary"))
    assert not User.objects.get(pk=ada.pk).is_gone(later)
