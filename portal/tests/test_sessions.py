"""A session and its person are one read, and what ends a session ends it at once."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.kernel.clock import now, real_now
from portal.models import ClockOffset, Message, Notice, Role, RoleGrant, Session, User
from portal.sessions import SessionStore

pytestmark = pytest.mark.django_db
PLAIN_PAGE = "/glossary/"  # asks for nothing itself
INBOX = "/messages/"
PASSWORD = "long enough to be one"


def somebody(name: str = "cleo") -> User:
    return User.objects.create_user(name, password=PASSWORD)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def with_the_cookie_of(client: Client) -> Client:
    other = Client()
    other.cookies[settings.SESSION_COOKIE_NAME] = session_of(client).session_key
    return other


def session_of(client: Client) -> SessionBase:
    return client.session


def is_signed_in(client: Client) -> bool:
    return bool(client.get(INBOX).status_code == 200)


def test_a_page_spends_one_query_before_its_own():
    client = signed_in(somebody())
    client.get(PLAIN_PAGE)  # the first one of a day notes that they are there
    with CaptureQueriesContext(connection) as queries:
        assert client.get(PLAIN_PAGE).wsgi_request.user.username == "cleo"
    clock = ClockOffset._meta.db_table
    assert len([each for each in queries if clock not in each["sql"]]) == 1


def test_the_person_comes_with_roles_pools_and_unread_messages(django_assert_num_queries):
    cleo = somebody()
    for role in (Role.PLATFORM_OWNER, Role.AUDITOR):
        RoleGrant.objects.create(user=cleo, role=role, granted_at=now())
    for n in range(2):
        notice = Notice.objects.create(key=f"{n}", event="told", at=now())
        Message.objects.create(person=cleo, notice=notice)
    found = signed_in(cleo).get(PLAIN_PAGE).wsgi_request.user
    with django_assert_num_queries(0):
        assert found.roles == {Role.PLATFORM_OWNER, Role.AUDITOR}
        assert (found.owns_pools, found.stands_in, found.unread_messages) == (False, False, 2)
    asked = User.objects.get(pk=cleo.pk)
    assert (asked.roles, asked.unread_messages) == (found.roles, 2)


def test_who_signs_out_is_out_at_once_wherever_the_session_is_used():
    client = signed_in(somebody())
    other = with_the_cookie_of(client)
    assert is_signed_in(other)
    client.post("/accounts/logout/")
    assert not is_signed_in(other)
    assert not Session.objects.exists()


def test_who_is_deactivated_is_nobody_at_the_next_page():
    cleo = somebody()
    client = signed_in(cleo)
    assert is_signed_in(client)
    User.objects.update(is_active=False)
    assert not is_signed_in(client)


def test_another_password_ends_every_session():
    cleo = somebody()
    client = signed_in(cleo)
    cleo.set_password("another that is long enough")
    cleo.save()
    assert not is_signed_in(client)
    assert not Session.objects.exists()


def test_a_session_signed_by_an_older_key_goes_on(settings):
    client = signed_in(somebody())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer key " * 5
    assert is_signed_in(client)


def test_the_person_beside_a_session_is_believed_only_where_the_signed_session_names_them():
    cleo, ben = somebody(), somebody("ben")
    client = signed_in(cleo)
    Session.objects.update(person=ben)
    assert client.get(PLAIN_PAGE).wsgi_request.user.pk == cleo.pk


def test_a_session_from_another_way_to_sign_in_is_nobodys(settings):
    client = signed_in(somebody())
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
    assert not is_signed_in(client)


def test_one_session_names_whoever_signed_in_last():
    client = signed_in(somebody())
    ben = somebody("ben")
    assert client.login(username="ben", password=PASSWORD)
    assert client.get(PLAIN_PAGE).wsgi_request.user.pk == ben.pk
    assert [row.person_id for row in Session.objects.all()] == [ben.pk]


def test_a_session_that_is_over_is_nobodys_and_goes_at_the_next_sign_in():
    cleo = somebody()
    over, others = signed_in(cleo), signed_in(somebody("ben"))
    Session.objects.update(expire_date=real_now() - timedelta(seconds=1))
    assert not is_signed_in(over)
    assert not is_signed_in(others)
    signed_in(cleo)
    assert Session.objects.filter(person=cleo).count() == 1
    assert Session.objects.exclude(person=cleo).count() == 1


def test_a_session_of_nobody_has_no_person():
    store = SessionStore()
    store["seen"] = "a page"
    store.save()
    again = SessionStore(store.session_key)
    assert again["seen"] == "a page"
    assert again.person is None
