"""The design system's own pages: they answer, lead on, and hold nothing that the policy forbids."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

from portal.kernel.errors import CloudError, CloudReason, DomainError, GatewayChanged
from portal.models import User
from portal.problems import DomainErrorMiddleware

INLINE = re.compile(
    r'\sstyle=|\son[a-z]+="|<style|javascript:|<script(?![^>]*(src=|application/json))'
)
pytestmark = pytest.mark.django_db


def test_the_style_guide_holds_no_inline_style_or_script(client):
    page = client.get("/styleguide").content.decode()
    assert page.count("<h1") == 1
    assert INLINE.findall(page) == []


def test_the_style_guide_does_not_exist_in_production(client, settings):
    settings.MODE = "production"
    assert client.get("/styleguide").status_code == 404


def test_a_missing_page_is_no_dead_end(client):
    client.force_login(User.objects.create_user("ben"))
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "Go to Home" in answer.content.decode()
    assert "not_found /nowhere/" in answer.content.decode()
    assert INLINE.findall(answer.content.decode()) == []


@pytest.mark.parametrize("template", ["500.html", "403_csrf.html"])
def test_the_last_resort_pages_need_no_request(template):
    page = render_to_string(template)
    assert "Code to quote" in page
    assert 'href="/"' in page
    assert INLINE.findall(page) == []


def answer_to(error, **headers):
    request = RequestFactory().get("/pools/", headers=headers)
    request.user, _ = User.objects.get_or_create(username="ada")
    return DomainErrorMiddleware(lambda request: None).process_exception(request, error)


def test_a_refusal_is_a_page_with_its_sentence_and_code():
    answer = answer_to(DomainError("The pool is full. <Nothing> was saved.", code="pool_exhausted"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "The pool is full. &lt;Nothing&gt; was saved." in page
    assert "pool_exhausted" in page


def test_a_refusal_inside_a_page_leaves_what_was_typed():
    answer = answer_to(DomainError("The pool is full."), **{"HX-Request": "true"})
    assert answer["HX-Retarget"] == "#problems"
    assert "<html" not in answer.content.decode()


def test_a_policy_that_somebody_edited_is_a_conflict_and_other_words_of_azure_are_not():
    changed = answer_to(GatewayChanged("policy of product a"))
    assert changed.status_code == 409
    assert "gateway_changed" in changed.content.decode()
    assert answer_to(CloudError(CloudReason.CONFLICT, "Busy.")).status_code == 502


def test_sign_in_offers_the_demo_people_only_in_a_demo(client):
    assert "Demo people" not in client.get("/accounts/login/").content.decode()


def test_a_wrong_password_says_what_to_check(client):
    page = client.post("/accounts/login/", {"username": "ada", "password": "no"}).content.decode()
    assert "That did not match" in page
    assert 'value="ada"' in page
