"""Signing in: the demo offers its people, nothing else does."""

import pytest

from portal.models import User

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


def test_the_demo_offers_a_person_of_each_role(client, settings):
    settings.MODE = "demo"
    page = client.get(LOGIN).content.decode()
    assert "Demo people" in page
    for words in ("Lead of Customer Care", "Platform owner", "Finance", "Auditor"):
        assert words in page
    assert 'data-username="ada" data-password="headroom"' in page


@pytest.mark.parametrize("mode", ["production", "test"])
def test_names_and_passwords_are_offered_nowhere_else(client, settings, mode):
    settings.MODE = mode
    page = client.get(LOGIN).content.decode()
    assert "data-password" not in page
    assert "ask your platform team" in page


def test_who_is_signed_in_already_is_led_on(client):
    client.force_login(User.objects.create_user("ben"))
    answer = client.get(LOGIN)
    assert answer.status_code == 302
    assert answer["Location"] == "/"
