"""Signing in: the demo offers its people, nothing else does."""

import pytest

from portal.kernel.clock import now
from portal.models import Role, RoleGrant, User
from portal.sign_in import People

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


def test_a_page_knows_the_person_with_roles_and_pools_by_one_query(django_assert_num_queries):
    cleo = User.objects.create_user("cleo")
    RoleGrant.objects.create(user=cleo, role=Role.PLATFORM_OWNER, granted_at=now())
    with django_assert_num_queries(1):
        found = People().get_user(cleo.pk)
        assert found is not None
        assert found.roles == {Role.PLATFORM_OWNER}
        assert found.operates_pools
        assert not found.owns_pools


def test_a_session_of_somebody_who_left_is_nobodys():
    ben = User.objects.create_user("ben", is_active=False)
    assert People().get_user(ben.pk) is None
    assert People().get_user(ben.pk + 1) is None
