"""A service is registered in Chromium: typed, suggested, asked for, granted, made, its own.

Time is real here: the browser and its session live in it.
"""

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils.timezone import now

from portal.models import User
from portal.tests.browsing import Windows, axe_finds, fits
from quotas.models import CapacityRequest, Pool, Service, Team
from quotas.selectors.facts import seen
from quotas.services.facts import change_facts
from quotas.tests.conftest import sync
from quotas.tests.factories import FakeAzure, FakeEvidence, deployment_seen
from quotas.tests.onboarding_world import NEVER_USED, the_plan

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/services/register/"


@pytest.fixture(autouse=True)
def _nothing_was_used(usage: FakeEvidence) -> None:
    usage.answer = NEVER_USED


def say_who_and_what_for(page: "Page") -> None:
    page.get_by_label("Name", exact=True).fill("Claims letters")
    page.get_by_label("Owner").select_option("Ada")
    page.get_by_label("Deputy").select_option("Ben")
    page.get_by_label("Purpose").fill("Writes letters on claims.")
    page.get_by_label("People it serves").fill("About 40 clerks")
    page.get_by_label("If throttled").fill("Clerks write by hand.")
    page.get_by_label("Proof metric").fill("Letters a day")
    page.get_by_label("Internal").check()
    page.get_by_label("Anywhere").check()


def say_what_it_needs(page: "Page") -> None:
    page.get_by_label("Model").select_option("gpt-4o 2024-11-20")
    page.get_by_label("At its busiest minute").fill("40k")
    page.get_by_label("Region of its callers").select_option("eastus")
    page.get_by_label("People wait for the answer").check()
    page.get_by_label("Office hours").check()


def test_a_service_is_registered_granted_made_and_its_own(
    visit: Windows, azure: FakeAzure, pool: Pool, atlas: Team, ada: User, cleo: User
):
    page = visit(ada, reverse("services"))
    page.get_by_role("link", name="Register a service").click()
    say_who_and_what_for(page)
    assert page.locator("#suggestion [name=place]").count() == 0
    say_what_it_needs(page)
    page.get_by_text("Its endpoint is in the region of the callers").wait_for()
    assert axe_finds(page) == []
    page.get_by_role("button", name="Register").last.click()
    page.get_by_role("heading", name="What happens next").wait_for()
    page.get_by_text("Azure CLI").click()
    assert "--deployment-name=claims-letters" in page.locator("pre.snippet").first.inner_text()
    assert axe_finds(page) == []

    inbox = visit(cleo, reverse("inbox"))
    inbox.keyboard.press("j")
    inbox.keyboard.press("a")
    inbox.get_by_text("is approved").wait_for()
    assert CapacityRequest.objects.get().state == "approved"
    page.reload()
    page.get_by_text("40k TPM are held for it").wait_for()

    azure.add(deployment_seen("claims-letters", 40))
    sync(azure, now())
    page.reload()
    page.get_by_role("link", name="Request burst").wait_for()
    assert page.get_by_text("What happens next").count() == 0
    assert Service.objects.get().lifecycle == "active"


def test_the_page_is_worked_by_keys_alone(
    visit: Windows, pool: Pool, atlas: Team, ada: User, ben: User
):
    page = visit(ada, PAGE)
    say_who_and_what_for(page)
    say_what_it_needs(page)
    page.locator("[name=place]").wait_for()
    page.locator("[name=place]").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What happens next").wait_for()
    assert the_plan().request.state == "in_review"


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_missing_is_said_and_axe_finds_nothing(
    width: int, visit: Windows, pool: Pool, atlas: Team, ada: User
):
    page = visit(ada, PAGE, width=width)
    assert (axe_finds(page), fits(page)) == ([], True)
    page.get_by_role("button", name="Register").last.click()
    page.locator(".error-summary").wait_for()
    assert (axe_finds(page), fits(page)) == ([], True)


def test_without_script_it_is_the_same(
    visit: Windows, pool: Pool, atlas: Team, ada: User, ben: User
):
    with_script = visit(ada, PAGE)
    cookies = with_script.context.cookies()
    context = visit.browser.new_context(java_script_enabled=False)
    context.add_cookies([{k: c[k] for k in ("name", "value", "domain", "path")} for c in cookies])
    page = context.new_page()
    page.goto(visit.address + PAGE)
    say_who_and_what_for(page)
    say_what_it_needs(page)
    page.get_by_role("button", name="Suggest a place first").click()
    assert page.locator("[name=place]").count() == 1
    page.get_by_role("button", name="Register").last.click()
    assert page.get_by_role("heading", name="What happens next").count() == 1
    context.close()


def test_facts_that_somebody_else_changed_meanwhile_are_told_and_what_was_typed_is_kept(
    visit: Windows, chat: Service, ada: User, cleo: User
):
    page = visit(ada, chat.get_absolute_url())
    page.get_by_role("link", name="Change facts").click()
    page.get_by_label("Purpose").fill("Answers of the intranet.")
    change_facts(chat, {"tier": 4}, as_seen=seen(chat), by=cleo, at=now())
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Cleo changed tier since you opened this page.").wait_for()
    assert page.get_by_label("Tier").input_value() == "4"
    assert axe_finds(page) == []
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Chat assistant: purpose changed.").wait_for()
    chat.refresh_from_db()
    assert (chat.tier, chat.purpose) == (4, "Answers of the intranet.")
    visit.inspect(ada, reverse("service_facts", args=[chat.slug]))
