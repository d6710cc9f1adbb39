"""How fresh the data is, on the home page: of each source its age, state and the way to it."""

import re

import pytest
from django.test import Client

from portal.kernel.windows import HOUR, MINUTE
from portal.models import Role
from quotas.models import Deployment, Pool, SyncRun
from quotas.tests.factories import SUBSCRIPTION, utc
from showback.models import BackfillSlice, UsagePull
from showback.services.backfill import plan_backfill
from showback.services.rollup import fill_everything, roll_up_and_cost
from showback.services.usage_pull import pull_recent
from showback.tests import factories as make

AT = utc("2026-03-03 06:00")
GATEWAY = "gateway:3f2504e0-4f89-41d3-9a0c-0305e82c3301"
pytestmark = pytest.mark.django_db


@pytest.fixture
def read(world, monkeypatch, settings):
    """All was read and worked out in the last minutes; `read.at` is when the page is asked for."""
    settings.HEADROOM_SUBSCRIPTIONS = [SUBSCRIPTION.upper()]
    world.at = AT
    monkeypatch.setattr("portal.views.home.now", lambda: world.at)
    SyncRun.objects.create(
        subscription_id=SUBSCRIPTION, started_at=AT - 2 * MINUTE, ended_at=AT - MINUTE
    )
    pool = Pool.objects.create(
        subscription_id=SUBSCRIPTION, scope_id="eastus2", region="eastus2", kind="tokens",
        usage_name="OpenAI.GlobalStandard.gpt-4o",
        first_seen_at=AT - HOUR, last_seen_at=AT - MINUTE,
    )  # fmt: skip
    Deployment.objects.filter(pk=world.chat.pk).update(pool=pool)
    pull_recent(HOUR, at=AT)
    fill_everything(at=AT)
    return world


def sources(user):
    """By source: state and what to know, as the person reads them."""
    client = Client()
    client.force_login(user)
    page = client.get("/").content.decode()
    table = page[page.index('id="freshness"') :].split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1], re.DOTALL)
    return {name: (state, words) for name, _, state, words in map(cells, rows)}


def cells(row):
    found = re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", each).split()) for each in found]


def test_when_all_is_read_every_source_is_fresh(read):
    up_to_date = ("Fresh", "Nothing: it is up to date.")
    assert sources(read.fay) == {
        "Azure Monitor metrics": up_to_date,
        "Gateway logs": ("Not in use", "No workspace is in the settings."),
        "Inventory": up_to_date,
        "Quota limits": up_to_date,
        "Costs worked out": up_to_date,
    }


def test_what_stopped_is_behind_and_what_was_never_read_says_so(read):
    read.at = AT + HOUR
    SyncRun.objects.all().delete()
    states = {name: state for name, (state, _) in sources(read.fay).items()}
    assert states["Inventory"] == "Not read yet"
    assert {states[each] for each in ("Azure Monitor metrics", "Quota limits")} == {"Behind"}
    assert sources(read.fay)["Costs worked out"][1] == "Look whether worker and scheduler run."


def test_trouble_is_told_in_its_own_words(read):
    SyncRun.objects.update(problems=["Account acme could not be listed: forbidden."])
    UsagePull.objects.create(
        source=GATEWAY, hour=AT - HOUR, grain="minute", state="started",
        started_at=AT, problem="Log Analytics asked the portal to wait.",
    )  # fmt: skip
    read.metrics.down = True
    pull_recent(HOUR, at=AT)
    found = sources(read.fay)
    assert found["Inventory"] == ("In trouble", "Account acme could not be listed: forbidden.")
    assert found["Gateway logs"] == ("In trouble", "Log Analytics asked the portal to wait.")
    assert found["Azure Monitor metrics"] == ("In trouble", "Azure did not answer in time.")


def test_a_region_that_is_pulled_no_more_holds_nothing_back(read):
    old = AT - 3 * 24 * HOUR
    UsagePull.objects.create(
        source=f"{SUBSCRIPTION}/northeurope", hour=old, grain="minute", state="done",
        started_at=old, done_at=old, settled_until=old + HOUR,
    )  # fmt: skip
    assert sources(read.fay)["Azure Monitor metrics"][0] == "Fresh"


def test_a_roll_up_that_left_days_undone_does_not_count(read):
    read.at = AT + 11 * MINUTE
    pull_recent(30 * HOUR, at=read.at)
    assert len(roll_up_and_cost(at=read.at, seconds=0)) == 1
    assert sources(read.fay)["Costs worked out"][0] == "Behind"
    fill_everything(at=read.at)
    assert sources(read.fay)["Costs worked out"][0] == "Fresh"


def test_each_source_leads_to_its_section_for_those_who_may_see_it(read):
    client = Client()
    client.force_login(read.fay)
    page = client.get("/").content.decode()
    health = client.get("/health/").content.decode()
    for section in set(re.findall(r'href="/health/#([a-z]+)"', page)):
        assert f'id="{section}"' in health
    owner = make.person("Olga")
    Pool.objects.first().owners.add(owner)
    client.force_login(owner)
    assert "/health/" not in client.get("/").content.decode()


def test_somebody_in_a_team_reads_how_far_use_is_known(read):
    client = Client()
    client.force_login(read.ada)
    page = client.get("/").content.decode()
    assert "use is known up to" in page
    assert 'id="freshness"' not in page


def test_history_under_way_is_said(read):
    plan_backfill(at=AT)
    client = Client()
    client.force_login(make.person("Cleo", Role.PLATFORM_OWNER))
    assert "history is being fetched" in client.get("/").content.decode()
    BackfillSlice.objects.update(done_at=AT)
    assert "history is being fetched" not in client.get("/").content.decode()


def test_freshness_costs_three_queries(read, django_assert_num_queries):
    from portal.views.home.freshness import freshness

    with django_assert_num_queries(3):
        freshness(at=AT)
