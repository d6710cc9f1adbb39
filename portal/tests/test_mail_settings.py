"""Mail is off unless it is set up; what is set up wrongly ends the start with a sentence."""

import pytest

from portal.environment import Environment, SettingMissing
from portal.mail_settings import mail_server

WHOLE = {
    "SMTP_URL": "smtp://portal:p%40ss@mail.example.com",
    "HEADROOM_MAIL_FROM": "headroom@example.com",
    "HEADROOM_BASE_URL": "https://headroom.example.com/",
}


def test_without_an_address_of_a_server_mail_is_off_and_needs_nothing_else():
    assert not mail_server(Environment({})).is_on


@pytest.mark.parametrize(
    ("url", "port", "starttls", "tls"),
    [
        ("smtp://portal:p%40ss@mail.example.com", 587, True, False),
        ("smtps://portal:p%40ss@mail.example.com:2465", 2465, False, True),
    ],
)
def test_the_scheme_says_how_the_line_is_encrypted(url, port, starttls, tls):
    found = mail_server(Environment({**WHOLE, "SMTP_URL": url}))
    assert (found.host, found.port) == ("mail.example.com", port)
    assert (found.starttls, found.tls) == (starttls, tls)
    assert (found.user, found.password) == ("portal", "p@ss")
    assert found.base_url == "https://headroom.example.com"


def test_an_unencrypted_line_is_asked_for_by_name_and_takes_no_password():
    found = mail_server(Environment({**WHOLE, "SMTP_URL": "smtp+plain://relay"}))
    assert (found.port, found.starttls, found.tls) == (25, False, False)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SMTP_URL", "mail.example.com", "must be smtp://"),
        ("SMTP_URL", "smtp://", "must be smtp://"),
        ("SMTP_URL", "smtp://mail:99999", "port"),
        ("SMTP_URL", "smtp+plain://me:secret@mail", "unencrypted"),
        ("HEADROOM_MAIL_FROM", "", "name the address it comes from"),
        ("HEADROOM_MAIL_FROM", "Headroom", "such as a@example.com"),
        ("HEADROOM_BASE_URL", "", "where its links lead"),
        ("HEADROOM_BASE_URL", "headroom.example.com", "address that people type"),
    ],
)
def test_each_wrong_value_gets_a_sentence_without_the_password(name, value, says):
    with pytest.raises(SettingMissing) as stopped:
        mail_server(Environment({**WHOLE, name: value}))
    assert name in str(stopped.value)
    assert says in str(stopped.value)
    assert "secret" not in str(stopped.value)
