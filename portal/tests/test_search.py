"""Search finds what a person may see by name or number, and nothing else."""

import pytest

from quotas.tests import factories
from quotas.tests.conftest import ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_ada(client, ada, chat):
    client.force_login(ada)
    return client


@pytest.fixture
def as_cleo(client, cleo, chat, search):
    client.force_login(cleo)
    return client


def page_of(client, text):
    return client.get("/search/", {"q": text}).content.decode()


def test_the_only_hit_is_opened_at_once(as_ada):
    answer = as_ada.get("/search/", {"q": "chat assis"})
    assert answer["Location"] == "/services/chat-assistant/"


def test_a_request_is_found_by_its_number_with_or_without_the_sign(as_ada, ada, chat):
    asked = ask(chat, ada)
    for text in (f"#{asked.pk}", str(asked.pk), f" {asked.pk} "):
        assert as_ada.get("/search/", {"q": text})["Location"] == asked.get_absolute_url()


def test_a_name_that_several_bear_is_listed_by_kind(as_ada):
    page = page_of(as_ada, "chat")  # the service, and its deployment
    assert "Chat assistant" in page
    assert "acme/chat" in page
    assert page.index("Services") < page.index("Deployments")


def test_what_belongs_to_another_team_is_not_found(as_ada, dan, search):
    theirs = ask(search, dan)
    for text in ("Search", "Delta", "acme/search", f"#{theirs.pk}"):
        assert "Nothing that you may see" in page_of(as_ada, text)


def test_an_organisation_wide_role_finds_every_team(as_cleo):
    assert as_cleo.get("/search/", {"q": "Delta"})["Location"] == "/services/?services.q=Delta"
    assert "acme/search" in page_of(as_cleo, "acme")


def test_an_unmapped_deployment_leads_to_where_it_is_mapped(client, cleo, pool):
    client.force_login(cleo)
    assert client.get("/search/", {"q": "acme/chat"})["Location"] == "/unmapped/"


@pytest.mark.parametrize("text", ["", "   ", "\0"])
def test_nothing_typed_teaches_what_to_type(as_ada, text):
    assert "What are you looking for?" in page_of(as_ada, text)


@pytest.mark.parametrize("text", ["#", "#12x", "9" * 30, "²", "%", "a" * 500, "' OR 1=1 --"])
def test_odd_text_finds_nothing_and_breaks_nothing(as_ada, text):
    answer = as_ada.get("/search/", {"q": text})
    assert answer.status_code == 200
    assert "Nothing that you may see" in answer.content.decode()


def test_what_was_typed_is_shown_as_text(as_ada):
    assert "<b>bold</b>" not in page_of(as_ada, "<b>bold</b>")


def test_only_the_first_twenty_are_listed(as_ada, ada, atlas):
    for number in range(21):
        factories.service(f"Copilot {number:02}", atlas, ada)
    page = page_of(as_ada, "copilot")
    assert page.count('class="row-link"') == 20
    assert "There are more." in page


def test_searching_takes_a_handful_of_queries(as_ada, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):  # session, person, roles, navigation, three kinds
        page_of(as_ada, "a")
