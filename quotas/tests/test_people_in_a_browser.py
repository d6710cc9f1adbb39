"""People and sandboxes in Chromium: an import in two steps, an experiment in two fields."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse

from portal.kernel.clock import now
from portal.models import User
from portal.tests.browsing import Windows
from quotas.models import Deployment, Pool, Sandbox, Service, Team
from quotas.services.sandboxes import claim
from quotas.tests.test_sandboxes import playground  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FILE = """username;name;team;role;active
ben;Ben Osei;Atlas;lead;
mia;Mia Lindqvist;Atlas;;
dan;;;;no
"""


def test_people_are_imported_once_the_changes_were_seen(
    visit: Windows, atlas: Team, dan: User, cleo: User, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username;name\nnobody;\n", encoding="utf-8")
    page = visit(cleo, reverse("people"))
    page.get_by_role("link", name="Import people").click()
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Check the file").click()
    page.get_by_text("Line 2: nobody is called “nobody”").wait_for()
    file.write_text(FILE, encoding="utf-8")
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Check another file").click()
    page.get_by_text("1 would be added").wait_for()
    assert not User.objects.filter(username="mia").exists()
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("People: 1 added, 1 changed, 1 deactivated.").wait_for()
    page.get_by_role("link", name="Gone").click()
    page.get_by_role("row", name="Dan").get_by_text("Deactivated").wait_for()


def test_an_experiment_begins_with_two_fields(
    visit: Windows,
    playground: Deployment,  # noqa: F811
    atlas: Team,
    ben: User,
) -> None:
    page = visit(ben, reverse("sandboxes"))
    page.get_by_role("button", name="Claim the sandbox").click()
    page.get_by_text("Say what you want to try out.").first.wait_for()
    page.fill("[name=purpose]", "Compare two prompts.")
    page.get_by_role("button", name="Claim the sandbox").click()
    page.get_by_text("10k TPM of gpt-4o are yours until").wait_for()
    assert Sandbox.objects.get().service.purpose == "Compare two prompts."
    assert page.get_by_role("button", name="Keep it").count() == 0  # it has only begun


def test_it_goes_on_by_one_click_and_ends_by_another(
    visit: Windows,
    playground: Deployment,  # noqa: F811
    atlas: Team,
    ben: User,
) -> None:
    began = now() - timedelta(days=20)
    found = claim(playground, purpose="Compare two prompts.", by=ben, at=began)
    page = visit(ben, reverse("sandboxes"))
    page.get_by_role("button", name="Keep it for 30 more days").click()
    page.get_by_text("It is yours until").wait_for()
    found.refresh_from_db()
    assert found.ends_at > now() + timedelta(days=29)
    page.get_by_role("button", name="End it now").click()
    page.get_by_text("what it held is free again").wait_for()
    found.refresh_from_db()
    assert found.ended_at is not None


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    visit: Windows,
    playground: Deployment,  # noqa: F811
    pool: Pool,
    chat: Service,
    ada: User,
    ben: User,
    cleo: User,
) -> None:
    sandbox = claim(playground, purpose="Compare prompts.", by=ben, at=now())
    User.objects.filter(pk=ada.pk).update(last_seen_at=now() - timedelta(days=100))
    of_sandbox = reverse("service", args=[sandbox.service.slug])
    names = ("people", "people_import", "sandboxes", "home")
    places = [(cleo, reverse(name)) for name in names]
    places += [(ben, reverse("sandboxes")), (ben, of_sandbox), (ben, chat.get_absolute_url())]
    for user, address in places:
        visit.inspect(user, address)
