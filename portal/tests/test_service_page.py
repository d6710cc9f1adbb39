"""The page of one service: its answer, its chart in each period, its marks, and who sees it."""

import json
import re

import pytest
from django.test import Client

from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.models import Deployment
from quotas.services.decisions import approve
from quotas.tests.conftest import NOON, ask, reconcile_at, sync
from quotas.tests.factories import utc
from quotas.tests.test_late_ends import BUSY
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window
from showback.tests import factories as make

AT = utc("2026-03-03 06:00")
BLOCK = re.compile(r"</?(?:a|dd|div|dt|h2|li|p|td|th|tr)\b[^>]*>")
PAGE, DIGEST = "/services/assistant/", "/services/digest/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    def set_to(at):
        monkeypatch.setattr("portal.views.service.now", lambda: at)

    set_to(NOON)
    return set_to


@pytest.fixture
def spent(world, clock):
    clock(AT)
    pull_window(Window(utc("2026-02-27 00:00"), AT), MINUTE, at=AT)
    fill_everything(at=AT)
    return world


def answer_of(user, url):
    client = Client()
    client.force_login(user)
    return client.get(url)


def html_of(user, url=PAGE):
    answer = answer_of(user, url)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(user, url=PAGE):
    page = html_of(user, url)
    main = re.sub(r"<script.*?</script>", "", page[page.index("<main") :], flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", BLOCK.sub(" ", main)))


def chart_of(user, url=PAGE):
    """The specification that the browser draws."""
    found = re.search(r'<script id="use-data"[^>]*>(.*?)</script>', html_of(user, url), re.DOTALL)
    return json.loads(found[1])


# ── The answer and the figures ───────────────────────────────────────────────────────────────


def test_the_first_line_says_what_is_held_how_it_was_used_and_what_was_refused(spent):
    page = text_of(spent.dan, DIGEST)
    # 1,200 of 100,000 tokens a minute; in 24 hours up to 05:57 every tenth minute had a 429.
    assert "Digest holds 100k TPM, used 1 % at peak in 24 hours, met refusals in 144" in page


def test_the_cost_of_the_month_is_marked_as_an_estimate(spent):
    assert re.search(r"This month so far ≈ \$[0-9.]+ list prices", text_of(spent.dan, DIGEST))


def test_use_without_a_price_is_said_to_have_none(world, clock):
    clock(AT)
    Deployment.objects.filter(name="digest").update(model_name="a-model-without-a-price")
    pull_window(Window(AT - 6 * HOUR, AT), MINUTE, at=AT)
    fill_everything(at=AT)
    page = text_of(world.dan, DIGEST)
    assert "lines have no price" in page
    assert "This month so far –" in page


def test_before_any_use_has_come_nothing_is_said_to_be_nought(chat, ada, clock):
    page = text_of(ada, "/services/chat-assistant/")
    assert "Chat assistant holds 100k TPM, and its use is not known yet." in page
    assert "No minute of it is known" in page


def test_a_service_without_a_deployment_says_what_has_to_happen(spent):
    make.service("Dreamer", spent.atlas)
    page = text_of(spent.ada, "/services/dreamer/")
    assert "Dreamer holds nothing." in page
    assert "No deployment is mapped to this service" in page
    assert "Request burst" not in page


# ── The chart ────────────────────────────────────────────────────────────────────────────────


def test_a_day_is_drawn_by_the_minute_with_gaps_as_gaps(spent):
    spec = chart_of(spent.dan, DIGEST)
    assert spec["kind"] == "capacity_use"
    assert spec["step"] == 60_000
    assert len(spec["used"]) == 1_440
    assert spec["used"][0] == 1_200
    assert spec["used"][-3:] == [None] * 3  # the last minutes have not settled
    assert [row[1:] for row in spec["held"]] == [[100_000, 0]]


@pytest.mark.parametrize(("period", "hours"), [("7d", 7 * 24), ("28d", 28 * 24)])
def test_longer_periods_are_drawn_by_the_hour_and_the_address_holds_which(spent, period, hours):
    spec = chart_of(spent.dan, f"{DIGEST}?period={period}")
    assert spec["step"] == 3_600_000
    assert len(spec["used"]) == hours
    assert spec["used"][-1] == 1_200
    page = html_of(spent.dan, f"{DIGEST}?period={period}")
    assert re.search(rf'href="\?period={period}" aria-current="page"', page)


def test_an_unknown_period_is_the_last_day(spent):
    assert len(chart_of(spent.dan, f"{DIGEST}?period=forever")["used"]) == 1_440


def test_days_that_were_never_fetched_are_marked_incomplete(spent):
    page = text_of(spent.dan, f"{DIGEST}?period=28d")
    assert re.search(r"met refusals in ≥\s612 minutes; 8[0-9]\s% of the minutes missing", page)
    assert re.search(r"Hatched: 2[0-9] d .* were not wholly received", page)
    assert "mark-note incomplete" not in html_of(spent.dan, DIGEST)


def test_provisioned_capacity_is_drawn_in_ptus_by_the_models_weights(spent):
    spec = chart_of(spent.ada, f"{PAGE}?deployment={spent.ptu.pk}")
    assert spec["unit"] == "PTU"
    assert [row[1:] for row in spec["held"]] == [[40, 0]]
    assert 0 < spec["used"][0] < 40


def test_a_provisioned_deployment_without_spillover_is_warned_about(spent):
    Deployment.objects.update(spillover_deployment_name="")
    assert f"{spent.ptu} spills over to nothing." in text_of(spent.ada)
    Deployment.objects.filter(pk=spent.ptu.pk).update(spillover_deployment_name="overflow")
    shown = text_of(spent.ada)
    assert "spills over to overflow" in shown
    assert "spills over to nothing" not in shown
    said = (
        f"{spent.ptu} names overflow for what spills over, which is no deployment of its account."
    )
    assert said in shown


def test_each_deployment_has_a_tab_and_the_largest_comes_first(spent):
    page = html_of(spent.ada)
    assert chart_of(spent.ada)["unit"] == "TPM"
    for deployment in (spent.chat, spent.ptu):
        assert f"?period=24h&amp;deployment={deployment.pk}" in page


def test_the_limit_of_the_pool_is_named(chat, ada, clock):
    spec = chart_of(ada, "/services/chat-assistant/")
    assert (spec["limit"], spec["limit_name"]) == (1_000_000, "Pool limit")


def test_the_chart_has_its_table(spent):
    page = html_of(spent.dan, DIGEST)
    assert 'id="use-table"' in page
    assert "Requests refused (429)" in page


# ── Bursts, requests, changes, owner ─────────────────────────────────────────────────────────


def test_a_burst_that_is_on_shows_until_when_and_its_three_ticks(
    azure, chat, applying, ada, cleo, clock
):
    approve(ask(chat, ada, units=90), by=cleo, note="", at=NOON)
    during = utc("2026-03-03 10:30")
    reconcile_at(azure, during)
    sync(azure, during)
    clock(during)
    page = text_of(ada, "/services/chat-assistant/")
    assert "holds 100k TPM" in page
    assert "burst to 190k TPM until Tue 3 Mar, 18:00." in page
    assert "approved applied verified" in page
    assert "100k TPM → 190k TPM" in page
    burst = chart_of(ada, "/services/chat-assistant/")["held"][-1]
    assert burst[1:] == [100_000, 90_000]


def test_in_observe_only_mode_no_word_says_that_a_burst_is_up(chat, ada, cleo, clock):
    approve(ask(chat, ada, units=90), by=cleo, note="", at=NOON)
    clock(utc("2026-03-03 10:30"))
    page = text_of(ada, "/services/chat-assistant/")
    assert "Approved, not applied" in page
    assert "observe only" in page.lower()
    assert "applied: held" in page
    assert "burst to 190k TPM until" not in page
    assert "a burst to 190k TPM is approved, not applied" in page


def test_an_upcoming_burst_is_announced(chat, ada, cleo, clock):
    approve(ask(chat, ada, units=90), by=cleo, note="", at=NOON)
    assert "burst of +90k TPM from Tue 3 Mar, 10:00." in text_of(ada, "/services/chat-assistant/")


def test_whose_it_is_stands_beside_it(chat, ada, clock):
    page = text_of(ada, "/services/chat-assistant/")
    for words in ("Owner Ada", "Deputy –", "Tier 2 · important", "If throttled Answers come late."):
        assert words in page


# ── Access ───────────────────────────────────────────────────────────────────────────────────


def test_another_teams_service_does_not_exist(spent):
    assert answer_of(spent.dan, PAGE).status_code == 404
    assert answer_of(spent.ada, DIGEST).status_code == 404
    assert answer_of(spent.ada, "/services/nothing/").status_code == 404


def test_finance_reads_every_service_and_asks_for_none(spent):
    page = html_of(spent.fay)
    assert "Assistant" in page
    assert "Request burst" not in page


def test_only_those_who_may_ask_have_the_button(chat, ada, ben, clock):
    assert "/services/chat-assistant/burst/" in html_of(ada, "/services/chat-assistant/")
    assert "/services/chat-assistant/burst/" not in html_of(ben, "/services/chat-assistant/")


def test_another_services_deployment_cannot_be_looked_at_through_this_page(spent):
    other = Deployment.objects.get(name="digest")
    assert "digest" not in text_of(spent.ada, f"{PAGE}?deployment={other.pk}")


def test_the_page_has_no_more_than_one_heading_and_nothing_inline(spent):
    page = html_of(spent.ada)
    assert page.count("<h1") == 1
    assert not re.search(r'\sstyle=|\son[a-z]+="|<style', page)


def test_the_number_of_queries_does_not_grow_with_history(
    spent, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr("portal.models.clock.CACHE_SECONDS", 600)
    client = Client()
    client.force_login(spent.ada)
    client.get(PAGE)
    with django_assert_max_num_queries(12) as short:
        client.get(PAGE)
    with django_assert_max_num_queries(12) as long:
        client.get(f"{PAGE}?period=28d")
    assert abs(len(long) - len(short)) <= 1


def test_it_takes_twelve_queries_also_where_bursts_were_approved_and_a_gateway_counts(
    azure, chat, applying, ada, cleo, clock, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr("portal.models.clock.CACHE_SECONDS", 600)
    over, later = ask(chat, ada), {"starts_at": AT + 20 * HOUR, "ends_at": AT + 40 * HOUR}
    for request in (over, ask(chat, ada, units=60, **later)):
        approve(request, by=cleo, note="", at=NOON)
    at = AT + 21 * HOUR
    azure.refusals = [BUSY] * 100
    reconcile_at(azure, over.starts_at)
    reconcile_at(azure, over.ends_at)
    azure.refusals = []
    reconcile_at(azure, at)
    sync(azure, at)
    clock(at)
    make.counted_by_gateway(chat.deployments.get(), chat, at - 3 * HOUR)
    client = Client()
    client.force_login(ada)
    client.get("/services/chat-assistant/")
    with django_assert_max_num_queries(12):
        page = client.get("/services/chat-assistant/").content.decode()
    assert "Counted by the gateway, caller by caller" in page
    assert "Never applied" in page
    assert "burst to" in page
