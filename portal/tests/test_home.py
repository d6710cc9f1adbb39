"""The first page, by role: what it says first, what it lists, and what it keeps to itself."""

import re

import pytest
from django.test import Client

from portal.kernel.windows import HOUR, MINUTE, Window
from portal.models import Role, RoleGrant, User
from quotas.models import Pool
from quotas.services.decisions import approve
from quotas.tests import factories
from quotas.tests.conftest import NOON, ask, reconcile_at, sync
from quotas.tests.factories import utc
from showback.services.backfill import plan_backfill
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.fakes import steady

AT = utc("2026-03-03 06:00")
BLOCK = re.compile(r"</?(?:a|dd|div|dt|h2|li|p|td|th|tr)\b[^>]*>")
pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """Sets the moment at which the home page is asked for."""

    def set_to(at):
        monkeypatch.setattr("portal.views.home.now", lambda: at)

    set_to(NOON)
    return set_to


@pytest.fixture
def spent(world, clock):
    """Three days of ten calls a minute everywhere, with a 429 in each tenth minute."""
    clock(AT)
    pull_window(Window(utc("2026-02-27 00:00"), AT), MINUTE, at=AT)
    fill_everything(at=AT)
    return world


def html_of(user):
    client = Client()
    client.force_login(user)
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def home_of(user):
    """What the person reads: tags taken out, blanks made one, and one between blocks."""
    page = html_of(user)
    main = BLOCK.sub(" ", page[page.index("<main") :])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", main))


# ── Somebody in a team ───────────────────────────────────────────────────────────────────────


def test_a_lead_reads_first_which_service_met_refusals(spent):
    page = home_of(spent.ada)
    # From midnight to 05:57 minutes 0, 10, … of chat and of ptu: 36 each.
    assert "Assistant met refusals (429) in 72 minutes today." in page


def test_a_lead_sees_what_each_service_holds_uses_and_costs(spent):
    page = home_of(spent.ada)
    assert "100k TPM + 40 PTUs" in page
    assert "1.2k TPM" in page  # the peak: 1,000 + 200 tokens in each minute
    assert re.search(r"Assistant.*\$[0-9,]+", page)


def test_without_refusals_the_answer_is_that_there_is_room(world, clock):
    clock(AT)
    world.metrics.traffic = lambda name, minutes: {
        **steady(name, minutes),
        "throttled": steady(name, minutes)["throttled"] * 0,
    }
    pull_window(Window(AT - 3 * HOUR, AT), MINUTE, at=AT)
    fill_everything(at=AT)
    page = home_of(world.dan)
    assert "Your service has room: Digest uses 1 % of what it holds." in page


def test_unknown_use_is_not_said_to_be_nought(chat, ada, clock):
    page = home_of(ada)
    assert "no use of the last minutes is known" in page
    assert "0 %" not in page


def test_refusals_of_a_day_with_gaps_are_marked_and_a_late_pull_is_not_a_gap(world, clock):
    clock(AT)
    pull_window(Window(AT - 3 * HOUR, AT), MINUTE, at=AT)  # nothing came from midnight to three
    fill_everything(at=AT)
    mark = "of the minutes missing"
    assert mark in html_of(world.dan)
    pull_window(Window(utc("2026-03-01 00:00"), AT), MINUTE, at=AT)
    fill_everything(at=AT + 8 * MINUTE)
    clock(AT + 8 * MINUTE)
    assert mark not in html_of(world.dan)


def test_only_ones_own_teams_are_listed(spent):
    assert "Digest" not in home_of(spent.ada)
    assert "Assistant" not in home_of(spent.dan)


def test_an_organisation_wide_role_lists_no_service_of_others_as_its_own(spent):
    RoleGrant.objects.create(user=spent.ada, role=Role.FINANCE, granted_at=AT)
    page = home_of(User.objects.get(pk=spent.ada.pk))
    assert page.count("Digest") == 0
    assert "Delta" in page  # in the money part


def test_an_open_request_and_the_next_burst_are_shown(chat, ada, cleo, clock):
    asked = ask(chat, ada, units=90)  # too much for the policy
    page = home_of(ada)
    assert "Waiting for an answer All your requests" in page
    approve(asked, by=cleo, note="", at=NOON)
    page = home_of(ada)
    assert "Waiting for an answer" not in page
    assert "+90k TPM Upcoming" in page


def test_a_burst_that_is_approved_but_not_applied_says_so(chat, ada, cleo, clock):
    approve(ask(chat, ada, units=90), by=cleo, note="", at=NOON)
    clock(utc("2026-03-03 10:30"))
    assert "Approved, not applied" in home_of(ada)


def test_a_member_who_owns_nothing_has_no_button_to_ask(chat, ada, ben, clock):
    assert "Request burst" in home_of(ada)
    assert "Request burst" not in home_of(ben)


def test_somebody_in_no_team_is_told_what_to_do(clock):
    page = home_of(User.objects.create_user("eve"))
    assert "You are in no team yet" in page
    assert "Your services" not in page


def test_a_team_without_services_is_taught_the_first_step(ada, atlas, clock):
    assert "Your team has no service yet" in home_of(ada)


# ── Who operates pools ───────────────────────────────────────────────────────────────────────


def test_a_platform_owner_reads_first_what_waits(chat, ada, cleo, clock):
    ask(chat, ada, units=90)
    page = home_of(cleo)
    assert "1 request waits for you, to start" in page
    assert "Chat assistant" in page
    assert "Open the inbox" in page


def test_a_calm_day_is_said_to_be_one(chat, search, cleo, clock):
    assert "No request waits for you, and every change has gone through." in home_of(cleo)


def test_drift_and_unmapped_deployments_are_counted(azure, chat, applying, cleo, clock):
    azure.edit("chat", 150)
    sync(azure, NOON + 5 * MINUTE)
    reconcile_at(azure, NOON + 6 * MINUTE)
    page = home_of(cleo)
    assert "1 change does not go on by itself" in page
    assert "1 deployment has no owner" in page  # search belongs to nobody here
    assert "Edited elsewhere 1" in page


def test_an_owner_of_one_pool_sees_what_waits_there(chat, ada, dan, clock):
    ask(chat, ada, units=90)
    Pool.objects.get().owners.add(dan)
    assert "1 request waits for you" in home_of(dan)


def test_the_part_of_those_who_operate_is_not_shown_to_others(chat, ada, clock):
    ask(chat, ada, units=90)
    page = home_of(ada)
    assert "To decide" not in page
    assert "Unmapped" not in page


# ── Finance and auditors ─────────────────────────────────────────────────────────────────────


def test_finance_reads_both_months_by_team(spent):
    page = home_of(spent.fay)
    assert "March 2026 so far costs" in page
    assert "February 2026 in all: $" in page
    assert "Atlas" in page
    assert "Delta" in page
    assert "Unattributed traffic" in page


def test_a_month_that_is_still_being_fetched_is_not_compared_with(spent):
    plan_backfill(at=AT)
    page = home_of(spent.fay)
    assert "February 2026 is still being fetched." in page
    assert "February 2026 in all: not known" in page
    assert "History is still being fetched" in page


def test_finance_without_any_cost_is_told_where_to_look(fay, clock):
    page = home_of(fay)
    assert "March 2026 has no cost yet." in page
    assert "See how far it is" in page


def test_an_auditor_reads_the_latest_rows_with_names_and_links(chat, ada, clock):
    asked = ask(chat, ada)
    auditor = factories.person("Audrey", factories.AUDITOR)
    page = home_of(auditor)
    assert "on record" in page
    assert f"Ada burst submitted request/{asked.pk}" in page
    assert "Headroom" in page  # what the portal did by itself bears its name


# ── Cost of the page ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def steady_offset(monkeypatch):
    """The clock's offset is read twice a second: here once, or counts would depend on speed."""
    monkeypatch.setattr("portal.models.clock.CACHE_SECONDS", 600)


def queries_of(user, django_assert_max_num_queries, most):
    client = Client()
    client.force_login(user)
    client.get("/")
    with django_assert_max_num_queries(most) as counted:
        client.get("/")
    return len(counted)


def test_thirty_services_cost_no_more_queries_than_three(
    spent, steady_offset, django_assert_max_num_queries
):
    for number in range(2):
        one_more(spent, number)
    few = queries_of(spent.ada, django_assert_max_num_queries, 12)
    for number in range(2, 29):
        one_more(spent, number)
    assert queries_of(spent.ada, django_assert_max_num_queries, 12) == few


def one_more(world, number):
    service = make.service(f"Copilot {number}", world.atlas)
    make.hold(make.deployment(f"copilot-{number}", service), service, 10)
