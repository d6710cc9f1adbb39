"""Asking in Chromium: in six steps, with what would fit instead, by keys; and every other form.

Time is real here: the browser and its session live in it, so the windows are still to come.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from portal.kernel.clock import real_now
from portal.models import User
from portal.tests.browsing import Windows
from quotas.models import CapacityRequest, Deployment, Pool, Service, Team
from quotas.selectors.words import INPUT_FORMAT
from quotas.services import mapping
from quotas.tests import factories
from quotas.tests.conftest import ask, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Hand:
    """Does what a person does on a page, and counts it."""

    def __init__(self, page: "Page") -> None:
        self.page, self.steps = page, 0
        self.seen: list[str] = []
        page.on("framenavigated", lambda frame: self.seen.append(frame.url))

    def press(self, role: Any, name: str) -> None:
        self.steps += 1
        self.page.get_by_role(role, name=name).first.click()
        self.page.wait_for_selector("html[data-ready]")

    def fill(self, name: str, value: str) -> None:
        self.steps += 1
        self.page.fill(f"[name={name}]", value)

    def choose(self, name: str, value: str) -> None:
        self.steps += 1
        self.page.check(f"[name={name}][value={value}]")


def in_days(days: int, hour: int = 12) -> datetime:
    at = real_now() + timedelta(days=days)
    return at.replace(hour=hour, minute=0, second=0, microsecond=0)


def sent_by(page: "Page") -> CapacityRequest:
    page.wait_for_url("**/requests/*/")
    return CapacityRequest.objects.get(pk=int(page.url.rstrip("/").rsplit("/", 1)[1]))


@pytest.fixture
def granted(chat: Service, ada: User) -> CapacityRequest:
    found = ask(chat, ada, at=real_now(), units=40, starts_at=in_days(7), ends_at=in_days(7, 20))
    assert found.state == "approved"
    return found


@pytest.fixture
def mail(chat: Service, azure: FakeAzure, cleo: User, atlas: Team, ada: User) -> Service:
    """Another service of Ada's, fed by the same pool."""
    azure.add(deployment_seen("mail", 50))
    sync(azure)
    found = factories.service("Mail", atlas, ada)
    mapping.map_deployment(Deployment.objects.get(name="mail"), service=found, by=cleo, at=NOON)
    return found


def test_a_burst_is_asked_for_from_the_service_page_in_six_steps_and_on_one_page(
    visit: Windows, chat: Service, ada: User
):
    hand = Hand(visit(ada, chat.get_absolute_url()))
    hand.press("link", "Request burst")
    hand.fill("amount", "40k")
    hand.fill("ends_at", in_days(6, 20).strftime(INPUT_FORMAT))
    hand.choose("occasion", "launch")
    hand.fill("purpose", "The launch.")
    hand.press("button", "Send request")
    assert sent_by(hand.page).units == 40
    assert hand.steps == 6
    assert len(hand.seen) == 2, hand.seen  # the form, and the request that it became


def test_what_does_not_fit_is_sent_as_its_first_alternative(
    visit: Windows, chat: Service, ada: User
):
    page = visit(ada, reverse("request_burst", args=[chat.slug]))
    page.fill("[name=amount]", "900k")
    verdict = page.locator("#verdict")
    verdict.get_by_text("It does not fit").wait_for()
    verdict.get_by_role("button", name="instead").first.click()
    verdict.get_by_text("It fits").wait_for()
    page.check("[name=occasion][value=launch]")
    page.fill("[name=purpose]", "The launch.")
    page.get_by_role("button", name="Send request").first.click()
    sent = sent_by(page)
    assert (sent.units, sent.state) == (700, "in_review")


def test_an_alternative_is_reached_and_taken_by_keys(visit: Windows, chat: Service, ada: User):
    page = visit(ada, reverse("request_burst", args=[chat.slug]))
    page.fill("[name=amount]", "900k")
    offer = page.locator("#verdict .offers button").first
    offer.wait_for()
    page.focus("[name=ends_at]")
    for _ in range(12):  # a date field has stops of its own, then the link to the calendar
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name === 'set'"):
            break
    page.keyboard.press("Enter")
    page.locator("#verdict").get_by_text("It fits").wait_for()
    page.wait_for_selector("#verdict:focus")
    assert page.input_value("[name=amount]") == "700,000"


def test_an_extension_is_asked_for_from_its_request(
    visit: Windows, granted: CapacityRequest, ada: User
):
    page = visit(ada, granted.get_absolute_url())
    page.get_by_role("link", name="Extend").click()
    page.fill("[name=ends_at]", in_days(7, 22).strftime(INPUT_FORMAT))
    page.locator("#verdict").get_by_text("It fits").wait_for()
    page.get_by_role("button", name="Send request").first.click()
    sent = sent_by(page)
    assert (sent.kind, sent.parent_id, sent.units) == ("extension", granted.pk, 40)


def test_a_part_is_given_back_from_its_request(visit: Windows, granted: CapacityRequest, ada: User):
    page = visit(ada, granted.get_absolute_url())
    page.fill("[name=amount]", "10k")
    page.get_by_role("button", name="Give back").click()
    page.wait_for_selector("html[data-ready]")
    page.goto(page.url)
    given = CapacityRequest.objects.get(kind="give_back")
    assert (given.state, abs(given.units)) == ("approved", 10)


def test_a_part_of_the_baseline_moves_to_another_service_of_hers(
    visit: Windows, mail: Service, chat: Service, ada: User
):
    page = visit(ada, chat.get_absolute_url())
    page.get_by_role("link", name="Transfer to another service of yours").click()
    page.fill("[name=amount]", "20k")
    page.fill("[name=purpose]", "Mail takes this over.")
    page.locator("#verdict").get_by_text("80k TPM").wait_for()
    page.get_by_role("button", name="Send request").first.click()
    sent = sent_by(page)
    assert (sent.kind, sent.to_service, sent.units) == ("transfer", mail, 20)


def test_the_same_is_asked_for_again(visit: Windows, granted: CapacityRequest, ada: User):
    page = visit(ada, granted.get_absolute_url())
    page.get_by_role("link", name="Ask again").click()
    page.wait_for_selector("html[data-ready]")
    assert page.input_value("[name=amount]") == "40,000"
    page.get_by_role("button", name="Send request").first.click()
    sent = sent_by(page)
    assert (sent.units, sent.purpose) == (40, granted.purpose)
    assert sent.pk != granted.pk


def test_a_smaller_baseline_is_granted_at_once(visit: Windows, chat: Service, ada: User):
    page = visit(ada, chat.get_absolute_url())
    page.get_by_role("link", name="Change the baseline").click()
    page.check("[name=direction][value=less]")
    page.fill("[name=amount]", "30k")
    page.locator("#verdict").get_by_text("Approved at once").wait_for()
    page.fill("[name=purpose]", "Fewer people.")
    page.get_by_role("button", name="Send request").first.click()
    sent = sent_by(page)
    assert (sent.kind, sent.units, sent.state) == ("baseline", -30, "approved")


def test_a_person_of_another_team_sees_nothing_of_it_anywhere(
    visit: Windows, next_week: CapacityRequest, pool: Pool, search: Service, dan: User
):
    week = f"?from={next_week.starts_at:%Y-%m-%d}"
    page = visit(dan, reverse("pool_calendar", args=[pool.pk]) + week)
    origin = page.url.split("/pools/")[0]
    labels = page.locator(".capacity-calendar a, .capacity-calendar [aria-label]").all()
    assert labels
    for words in [page.content(), *(each.get_attribute("aria-label") or "" for each in labels)]:
        assert "Chat assistant" not in words
    for address in (
        reverse("requests") + "?scope=all",
        reverse("search") + "?q=Chat",
        reverse("search") + f"?q={next_week.pk}",
        reverse("api_requests"),
    ):
        answer = page.request.get(origin + address)
        assert answer.ok
        told = answer.text().replace("Chat&quot;", "")
        assert "Chat assistant" not in told
        assert "chat-assistant" not in told
    barred = [
        next_week.get_absolute_url(),
        reverse("api_request", args=[next_week.pk]),
        *(reverse(f"request_{name}", args=["chat-assistant"]) for name in KINDS),
        *(reverse(f"request_{name}", args=[next_week.pk]) for name in ("edit", "clone", "extend")),
    ]
    assert [page.request.get(origin + each).status for each in barred] == [404] * len(barred)


KINDS = ("burst", "baseline", "transfer")


def test_every_form_is_accessible_and_no_wider_than_the_window(
    visit: Windows,
    granted: CapacityRequest,
    mail: Service,
    chat: Service,
    ada: User,
):
    waiting = ask(chat, ada, at=real_now(), units=90, starts_at=in_days(9), ends_at=in_days(10))
    too_much = {"units": 900, "starts_at": in_days(11), "ends_at": in_days(12)}
    full = CapacityRequest.objects.create(
        service=chat, deployment=chat.deployments.get(), requester=ada, state="draft",
        submitted_at=real_now(), deadline_at=in_days(30), purpose="", **too_much,
    )  # fmt: skip
    burst = reverse("request_burst", args=[chat.slug])
    for address in (
        *(reverse(f"request_{name}", args=[chat.slug]) for name in KINDS),
        reverse("request_extend", args=[granted.pk]),
        reverse("request_edit", args=[waiting.pk]),
        f"{burst}?draft={full.pk}",
    ):
        visit.inspect(ada, address)
