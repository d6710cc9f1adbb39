"""The policy and budgets in Chromium: changed by one person, tried, published by another.

Time is real here: the browser and its session live in it.
"""

import pytest
from django.urls import reverse

from portal.kernel.clock import now, real_now
from portal.models import Role, User
from portal.tests.browsing import Windows
from quotas.models import CapacityRequest, PolicyVersion, Service, Team
from quotas.selectors.budgets import budget_of
from quotas.tests import factories
from quotas.tests.conftest import ask

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_draft_is_tried_compared_and_published_by_a_second_person(
    visit: Windows, next_week: CapacityRequest, cleo: User
):
    page = visit(cleo, reverse("policy"))
    page.get_by_role("button", name="Change the policy").click()
    page.wait_for_url(f"**{reverse('policy_draft')}")
    page.fill("[name='rules.2.when.0.value']", "70 %")
    page.fill("[name=note]", "Two teams grew.")
    page.get_by_role("button", name="Save the draft").last.click()
    page.get_by_text("1 difference from the policy in force").wait_for()
    page.get_by_text("Would have auto-approved 1 of 1, 0 collisions.").wait_for()
    assert "Share of baseline: at most 50 %" in page.locator(".policy-changes .gone").inner_text()
    assert "Share of baseline: at most 70 %" in page.locator(".policy-changes .new").inner_text()
    assert page.get_by_role("button", name="Publish").count() == 0
    page.get_by_text("You wrote in this draft").wait_for()

    page = visit(factories.person("Eve", Role.ADMIN), reverse("policy_draft"))
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("Version 2 is in force").first.wait_for()
    published = PolicyVersion.objects.get(number=2)
    assert str(published.policy.rules[2].conditions[0].value) == "0.7"
    assert published.note == "Two teams grew."


def test_a_wrong_value_stays_and_is_led_to_and_a_part_is_added_where_it_belongs(
    visit: Windows, db: None, cleo: User
):
    page = visit(cleo, reverse("policy"))
    page.get_by_role("button", name="Change the policy").click()
    page.fill("[name='rules.2.when.1.value']", "soon")
    page.get_by_role("button", name="Save the draft").last.click()
    page.get_by_role("link", name="“soon” is not a number of hours").click()
    assert page.evaluate("location.hash") == "#rules-2-when-1-value"
    assert page.input_value("[name='rules.2.when.1.value']") == "soon"
    page.locator("#low_risk").get_by_role("button", name="Add a condition").click()
    page.wait_for_url("**#low_risk-8")
    assert page.locator("[name='low_risk.8.fact']").count() == 1


def test_several_of_low_risk_are_approved_together_by_keys(
    visit: Windows, next_week: CapacityRequest, chat: Service, ada: User, cleo: User
):
    window = {"starts_at": next_week.starts_at, "ends_at": next_week.ends_at}
    ask(chat, ada, at=real_now(), units=61, **window)
    page = visit(cleo, reverse("inbox"))
    button = page.get_by_role("button", name="Approve the low-risk ones (2)")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("button", name="Approve the low-risk ones (1)").wait_for()
    page.keyboard.press("x")
    button.wait_for()
    page.keyboard.press("b")
    assert page.evaluate("document.activeElement.form.id") == "together"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="2 approved").wait_for()


def test_axe_finds_nothing_on_the_pages_of_the_policy_and_of_budgets(
    visit: Windows, atlas: Team, cleo: User
):
    visit(cleo, reverse("policy")).get_by_role("button", name="Change the policy").click()
    for address in (
        reverse("policy"), reverse("policy_draft"), reverse("policy_replay"),
        reverse("team_budgets"), reverse("team_budget", args=[atlas.slug]),
    ):  # fmt: skip
        visit.inspect(cleo, address)


def test_finance_sets_a_budget_and_the_list_says_so(visit: Windows, atlas: Team, fay: User):
    page = visit(fay, reverse("team_budgets"))
    page.get_by_role("link", name="Atlas").click()
    page.get_by_text("Atlas has").wait_for()
    page.fill("[name=amount]", "a lot")
    page.get_by_role("button", name="Set the budget").click()
    page.locator(".errorlist").first.wait_for()
    assert page.input_value("[name=amount]") == "a lot"
    page.fill("[name=amount]", "12,500")
    page.get_by_role("button", name="Set the budget").click()
    page.wait_for_url(f"**{reverse('team_budgets')}")
    page.get_by_text("Atlas has $12,500 a month").wait_for()
    assert budget_of(Team.objects.get(), at=now()) == 12_500
