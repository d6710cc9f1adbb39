"""Health in plain words: what runs, what is behind, what is missing, and what to do about it."""

import html
import re

import pytest
from django.core.cache import cache
from django.test import Client

from portal.cloud.calls import Kind, count
from portal.cloud.endpoints import Plane, arm_endpoint, logs_endpoint, metrics_endpoint
from portal.cloud.pauses import FAILURES_TO_PAUSE, note_failure, note_wait
from portal.kernel.clock import real_now
from portal.kernel.windows import HOUR, MINUTE, Window
from portal.models import AuditRow, Letter, Role
from quotas.models import Deployment, SyncRun
from quotas.services.decisions import approve
from quotas.tests.conftest import NOON, ask, reconcile_at, sync
from quotas.tests.factories import SUBSCRIPTION, utc
from showback.models import BackfillSlice
from showback.services.backfill import plan_backfill
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_recent, pull_window
from showback.tests import factories as make

AT = utc("2026-03-03 06:00")
BLOCK = re.compile(r"</?(?:a|dd|div|dt|h2|li|p|td|th|tr)\b[^>]*>")
pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch, settings):
    settings.HEADROOM_SUBSCRIPTIONS = [SUBSCRIPTION]

    def set_to(at):
        monkeypatch.setattr("portal.views.health_page.now", lambda: at)

    set_to(AT)
    return set_to


@pytest.fixture
def read(world, clock):
    """Six hours of use are there, up to the last settled minute; the inventory was just read."""
    SyncRun.objects.create(
        subscription_id=SUBSCRIPTION, started_at=AT - 2 * MINUTE, ended_at=AT - MINUTE
    )
    pull_recent(6 * HOUR, at=AT)
    fill_everything(at=AT)
    return world


def page_of(user, **headers):
    client = Client()
    client.force_login(user)
    answer = client.get("/health/", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(user):
    page = page_of(user)
    main = BLOCK.sub(" ", page[page.index("<main") :])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", main))


def test_when_all_is_well_the_page_says_so_first(read):
    page = text_of(read.fay)
    assert "All is well: use is known up to" in page
    assert "of the last 24 hours have come." in page
    assert "Nothing: all of it was read." in page
    assert "No change is open." in page
    assert "Everything that was used this month has a price." in page


def test_a_subscription_that_was_never_read_says_what_to_look_at(world, clock):
    page = text_of(world.fay)
    assert "Look at the inventory." in page
    assert "No run has ended yet. Look whether the worker and the scheduler run" in page


def test_a_sync_that_stopped_and_one_with_problems_say_so(read, clock):
    SyncRun.objects.update(problems=["Account acme could not be listed: forbidden."])
    clock(AT + 20 * MINUTE)
    page = text_of(read.fay)
    assert "Account acme could not be listed: forbidden." in page
    assert "It should have been read since." in page


def test_use_that_stopped_coming_in_is_behind(read, clock):
    clock(AT + 2 * HOUR)
    assert "It is behind." in text_of(read.fay)


def test_a_pull_that_failed_says_why(read):
    read.metrics.down = True
    pull_recent(HOUR, at=AT + MINUTE)
    assert "Azure did not answer in time." in text_of(read.fay)


@pytest.fixture
def with_gaps(world, clock):
    world.metrics.failing = frozenset({"prompt"})
    pull_window(Window(AT - 3 * HOUR, AT), MINUTE, at=AT)
    world.metrics.failing = frozenset()
    pull_window(Window(AT - 2 * HOUR, AT), MINUTE, at=AT)
    return world


def test_missing_minutes_are_counted_by_deployment(with_gaps):
    world = with_gaps
    page = text_of(world.fay)
    assert "gaps in the last 24 hours" in page
    assert "4 deployments with missing minutes" in page
    assert "acme/chat 60 of 177 minutes missing" in page


def test_the_page_takes_twelve_queries_also_where_minutes_are_missing(
    with_gaps, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr("portal.models.clock.CACHE_SECONDS", 600)
    client = Client()
    client.force_login(with_gaps.fay)
    client.get("/health/")
    with django_assert_max_num_queries(12):
        page = client.get("/health/").content.decode()
    assert "deployments with missing minutes" in page


def test_changes_that_do_not_go_on_lead_to_their_page(azure, chat, applying, cleo, clock):
    azure.edit("chat", 150)
    sync(azure, NOON + 5 * MINUTE)
    reconcile_at(azure, NOON + 6 * MINUTE)
    page = text_of(cleo)
    assert "changes that do not go on" in page
    assert "1 edited outside Headroom : keep that, or write Headroom’s back." in page


def test_changes_under_way_ask_for_nothing(azure, chat, applying, ada, cleo, clock):
    approve(ask(chat, ada, units=90), by=cleo, note="", at=NOON)
    azure.slow = True
    reconcile_at(azure, utc("2026-03-03 10:30"))
    assert "1 under way; nothing to do." in text_of(cleo)


def test_use_without_a_price_is_listed(world, clock):
    Deployment.objects.filter(name="digest").update(model_name="a-model-without-a-price")
    pull_window(Window(AT - 6 * HOUR, AT), MINUTE, at=AT)
    fill_everything(at=AT)
    page = text_of(world.fay)
    assert "missing prices" in page
    assert (
        "acme/digest a-model-without-a-price GlobalStandard 357k input tokens, 71.4k output tokens"
        in page
    )


# ── How Azure answers ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def azure_calls():
    """Counters and pauses are shared by all processes, so by all tests."""
    cache.clear()
    yield
    cache.clear()


def azure_of(user):
    page = text_of(user)
    return page[page.index("How Azure answers") :].split("What Azure has")[0]


def test_nothing_asked_is_nothing_wrong(read, azure_calls):
    assert "Azure Resource Manager Not called 0 – Nothing was asked." in azure_of(read.fay)
    assert "All is well" in text_of(read.fay)


def test_calls_are_counted_and_the_few_that_went_wrong_are_named(read, azure_calls):
    for kind, times in ((Kind.OK, 20), (Kind.THROTTLED, 3), (Kind.CONFLICT, 1)):
        for _ in range(times):
            count(Plane.ARM, kind, at=real_now(), seconds=0.5)
    section = azure_of(read.fay)
    assert "Azure Resource Manager Normal 24 0.50 3 throttled, 1 met another change." in section
    assert "All is well" in text_of(read.fay)


def test_many_failures_are_worth_a_look(read, azure_calls):
    for kind in (Kind.OK, Kind.TIMEOUT):
        count(Plane.METRICS, kind, at=real_now())
    assert "Azure Monitor metrics Unsteady 2 0.00 1 without an answer." in azure_of(read.fay)
    assert "Look at how Azure answers." in text_of(read.fay)


def test_a_paused_region_says_until_when_in_the_portals_time(read, azure_calls):
    region = read.chat.account.region
    for _ in range(FAILURES_TO_PAUSE):
        note_failure(metrics_endpoint(region), at=real_now().timestamp())
    section = azure_of(read.fay)
    assert "Azure Monitor metrics Paused 0 – Paused until" in section
    assert f"06:00 after 5 failed calls in a row ({region}). Headroom tries again" in section
    assert "Azure Resource Manager Not called" in section
    assert "Look at how Azure answers." in text_of(read.fay)


def test_a_pause_that_is_over_waits_for_the_next_call(read, azure_calls):
    for _ in range(FAILURES_TO_PAUSE):
        note_failure(arm_endpoint(), at=real_now().timestamp() - 60)
    assert "5 calls in a row failed (all calls); the next one finds out" in azure_of(read.fay)


def test_a_wait_that_azure_asked_for_names_its_subscription(read, azure_calls):
    note_wait(arm_endpoint(), SUBSCRIPTION, 600, at=real_now().timestamp())
    section = azure_of(read.fay)
    assert "Azure Resource Manager Waiting 0 – Azure asked for a pause until" in section
    assert f"(subscription {SUBSCRIPTION}). Headroom keeps to what Azure asked for" in section


def test_log_analytics_is_there_where_a_workspace_is_named(read, azure_calls, settings):
    assert "Log Analytics" not in azure_of(read.fay)
    settings.HEADROOM_LOG_WORKSPACES = ["3f2504e0-4f89-41d3-9a0c-0305e82c3301"]
    note_wait(logs_endpoint(), "", 600, at=real_now().timestamp())
    section = azure_of(read.fay)
    assert "Log Analytics Waiting 0 – Azure asked for a pause until" in section
    assert "(all calls). Headroom keeps to what Azure asked for" in section


# ── History ──────────────────────────────────────────────────────────────────────────────────


def test_while_history_is_fetched_its_progress_is_asked_for_again_and_again(read):
    plan_backfill(at=AT)
    total = BackfillSlice.objects.filter(grain="minute").count()
    BackfillSlice.objects.filter(grain="minute").order_by("pk").first().delete()
    page = page_of(read.fay)
    assert "History is being fetched" in page
    assert f'<progress id="history-minute" max="{total - 1}" value="0">' in page
    assert 'hx-trigger="every 4s"' in page


def test_htmx_is_answered_with_the_progress_alone(read):
    plan_backfill(at=AT)
    fragment = page_of(read.fay, **{"HX-Request": "true"})
    assert "<html" not in fragment
    assert 'id="histories"' in fragment


def test_once_history_is_there_nothing_asks_any_more(read):
    plan_backfill(at=AT)
    BackfillSlice.objects.update(done_at=AT)
    page = page_of(read.fay)
    assert "History is complete" in page
    assert "hx-get" not in page[page.index('id="histories"') :].split("</section>")[0]


def test_a_piece_that_failed_says_why(read):
    plan_backfill(at=AT)
    BackfillSlice.objects.update(
        problem="Azure did not answer in time.", not_before=AT + 10 * MINUTE
    )
    page = page_of(read.fay)
    assert "History waits to be tried again" in page
    assert 'hx-trigger="every 30s"' in page
    said = "Azure did not answer in time. The next try is Tue 3 Mar, 06:10."
    assert f"32 pieces could not be read. {said}" in text_of(read.fay)
    assert "Look at history that could not be read." in text_of(read.fay)


def test_each_account_says_how_far_its_history_is(read):
    plan_backfill(at=AT - 5 * MINUTE)
    newest = BackfillSlice.objects.filter(grain="minute").order_by("-starts_at")[:10]
    BackfillSlice.objects.filter(pk__in=[each.pk for each in newest]).update(done_at=AT)
    page = text_of(read.fay)
    assert "10 of 29 days of every account, 2.0 pieces a minute, about 9 min 30 s to go" in page
    assert "acme 10 of 29 days 0 of 33 days 1.8 days a minute 11 min It is being" in page


@pytest.fixture
def post(read):
    def send(user, **values):
        client = Client()
        client.force_login(user)
        return client.post("/health/history/", values, follow=True)

    return send


def test_a_platform_owner_asks_for_93_days_by_a_plain_form(read, post, monkeypatch):
    monkeypatch.setattr("portal.views.history.now", lambda: AT)
    cleo = make.person("Cleo", Role.PLATFORM_OWNER)
    assert '<button type="submit" class="button" name="days" value="93">' in page_of(cleo)
    answer = post(cleo, days=93)
    assert answer.redirect_chain == [("/health/", 302)]
    assert "The last 93 days are being fetched, newest first; 94 pieces." in text(answer)
    assert BackfillSlice.objects.filter(grain="minute").count() == 94
    assert "are being fetched already; 94 pieces are left." in text(post(cleo, days=93))
    BackfillSlice.objects.update(done_at=AT)
    assert "The last 93 days are there already: nothing to fetch." in text(post(cleo, days=93))
    assert AuditRow.objects.filter(verb="usage.history_asked").count() == 1


@pytest.mark.parametrize("days", ["0", "94", "many", ""])
def test_more_days_than_azure_keeps_are_refused_with_a_sentence(read, post, days):
    answer = post(make.person("Cleo", Role.PLATFORM_OWNER), days=days)
    assert answer.status_code == 422
    assert "Azure keeps 93 days of metrics; ask for 1 to as many." in text(answer)
    assert not BackfillSlice.objects.exists()


def test_finance_reads_the_progress_and_asks_for_nothing(read, post):
    assert "/health/history/" not in page_of(read.fay)
    assert "Only a platform owner or an administrator" in text(post(read.fay, days=93))
    assert post(read.ada, days=93).status_code == 404
    assert not BackfillSlice.objects.exists()


def text(answer):
    return html.unescape(answer.content.decode())


# ── Access ───────────────────────────────────────────────────────────────────────────────────


def test_those_without_a_role_are_told_nothing(world, clock):
    client = Client()
    client.force_login(world.ada)
    assert client.get("/health/").status_code == 404
    assert client.get("/health/", headers={"HX-Request": "true"}).status_code == 404


def test_nobody_signed_in_is_sent_to_sign_in(client):
    assert client.get("/health/")["Location"].startswith("/accounts/login/")


def test_the_page_says_that_no_mail_is_sent_and_how_to_change_that(read):
    assert "No mail is sent: no mail server is named (SMTP_URL)." in text_of(read.fay)


def test_mail_that_does_not_go_out_is_trouble_with_what_the_server_said(read, settings):
    settings.HEADROOM_MAIL_IS_ON = True
    settings.EMAIL_HOST, settings.EMAIL_PORT = "mail.example.com", 587
    assert "All letters are sent, through mail.example.com:587." in text_of(read.fay)
    facts = {"person": read.ada, "created_at": AT - HOUR, "not_before": AT, "attempts": 3}
    Letter.objects.create(**facts, problem="452 The disk is full")
    Letter.objects.create(**facts, state="unsure", ended_at=AT, problem="The line broke.")
    page = text_of(read.fay)
    assert "Look at mail that does not go out." in page
    assert "1 letter could not be sent, the oldest written" in page
    assert "1 letter of the last 7 days may or may not have arrived" in page


def test_of_many_subscriptions_those_in_trouble_are_listed_and_ten_in_all(world, clock, settings):
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(15)]
    settings.HEADROOM_SUBSCRIPTIONS = ids
    SyncRun.objects.bulk_create(
        SyncRun(subscription_id=each, started_at=AT - 2 * MINUTE, ended_at=AT - MINUTE)
        for each in ids[:-1]
    )
    client = Client()
    client.force_login(world.fay)
    found = client.get("/health/").context["health"].syncs
    assert [row.subscription_id for row in found.rows] == [ids[-1], *ids[:9]]
    assert (found.left_out, found.wrong_left_out) == (5, 0)
    page = client.get("/health/?all").content.decode()
    assert all(each in page for each in ids)
    assert "5 more are not listed, all of them well." in text_of(world.fay)
    SyncRun.objects.all().delete()
    assert "5 more are not listed, 5 of them in trouble." in text_of(world.fay)
