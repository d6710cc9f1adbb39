"""The page on refusals of a service: incidents, causes, what helps, and who sees it."""

import json
import re

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.kernel.windows import FOREVER, HOUR, MINUTE, Window
from quotas.models import Deployment, Pool
from quotas.selectors.cards import seen_services
from quotas.selectors.pool_deployments import pool_deployments
from showback.models import SharedDeployment
from showback.selectors.pool_throttling import absorbed_by
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.conftest import world  # noqa: F401  the fixture
from showback.tests.factories import utc
from showback.tests.fakes import steady

AT = utc("2026-03-08 12:00")
PAGE = "/services/assistant/throttling/"
pytestmark = pytest.mark.django_db


def full_at_ten(name, minutes):
    """Poisson around 50 requests of 1,200 tokens; from 10:00 to 10:40 twice as many are wanted,
    100,000 tokens are allowed, and every refused call is tried twice.
    """
    rng = np.random.default_rng(int(minutes[0]))
    busy = (minutes % 1440 >= 600) & (minutes % 1440 < 640)
    wanted = rng.poisson(np.where(busy, 130, 50))
    ok = np.minimum(wanted, 84)
    values = steady(name, minutes)
    return {
        **values,
        "ok": ok,
        "throttled": (wanted - ok) * 2,
        "prompt": ok * 1000,
        "generated": ok * 200,
    }


@pytest.fixture
def refused(world, monkeypatch):  # noqa: F811
    monkeypatch.setattr("portal.views.service.throttling.now", lambda: AT)
    world.metrics.traffic = full_at_ten
    pull_window(Window(AT - 7 * 24 * HOUR, AT), MINUTE, at=AT)
    return world


def answer_of(user, url=PAGE):
    client = Client()
    client.force_login(user)
    return client.get(url)


def text_of(user, url=PAGE):
    page = answer_of(user, url).content.decode()
    main = re.sub(r"<script.*?</script>", "", page[page.index("<main") :], flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def chat(world):  # noqa: F811
    return f"{PAGE}?deployment={world.chat.pk}"


def test_each_incident_has_its_likely_cause_its_facts_and_what_was_lost(refused):
    text = text_of(refused.ada, chat(refused))
    assert "tokens per minute" in text
    assert "high confidence" in text
    assert "of the tokens allowed a minute" in text
    page = answer_of(refused.ada, chat(refused)).context["page"]
    assert len(page.incidents) == 7
    truth = 40 * (130 - 84)
    assert all(seen.lost[0] == pytest.approx(truth, rel=0.2) for seen in page.found.incidents)


def test_the_burst_that_would_have_sufficed_is_filled_into_the_form(refused):
    page = answer_of(refused.ada, chat(refused)).context["page"]
    assert f"deployment={refused.chat.pk}&units=" in page.burst_url
    extra = page.worst.extra_units
    assert 50 < extra < 120  # 160 requests of 1,200 tokens at most, 100 units are held
    assert page.worst.needed_units == 100 + extra


def test_the_chart_has_the_limit_in_force_and_its_gaps(refused):
    page = answer_of(refused.ada, chat(refused) + "&period=28d").context["page"]
    spec = page.chart.spec
    assert spec["held_name"] == "Limit"
    assert {level for _, level, _ in spec["held"]} == {100_000}
    assert len(spec["gaps"]) == 1  # three weeks before the first pull
    assert page.is_incomplete
    json.dumps(spec)


def test_a_client_with_the_services_own_numbers_is_ready_to_paste(refused):
    configurations = answer_of(refused.ada, chat(refused)).context["page"].configurations
    python, policy = (each.text for each in configurations)
    compile(python, "client.py", "exec")
    assert "'chat'" in python
    assert "600 requests a minute" in python
    assert "MAX_TOKENS = 400" in python
    assert 'tokens-per-minute="100000"' in policy
    assert "data-copy" in answer_of(refused.ada).content.decode()


def test_a_service_that_was_never_refused_is_told_so(world, monkeypatch):  # noqa: F811
    monkeypatch.setattr("portal.views.service.throttling.now", lambda: AT)
    pull_window(Window(AT - 7 * 24 * HOUR, AT), MINUTE, at=AT)
    world.metrics.traffic = steady
    page = answer_of(world.ada, chat(world)).context["page"]
    assert page.burst_url == "" or page.minutes
    text = text_of(world.ada, chat(world))
    assert "refused" in text


def test_without_a_minute_nothing_is_claimed(world, monkeypatch):  # noqa: F811
    monkeypatch.setattr("portal.views.service.throttling.now", lambda: AT)
    text = text_of(world.ada)
    assert "is not known: no minute of the last 7 days has arrived" in text
    assert "nothing was refused" not in text
    assert "No call of" not in text


def test_hours_alone_tell_refusals_but_no_incidents(world, monkeypatch):  # noqa: F811
    monkeypatch.setattr("portal.views.service.throttling.now", lambda: AT)
    world.metrics.traffic = full_at_ten
    pull_window(Window(AT - 48 * HOUR, AT), HOUR, at=AT)
    text = text_of(world.ada, chat(world))
    assert "Only hours are known." in text
    assert "in which minutes is not known" in text
    page = answer_of(world.ada, chat(world)).content.decode()
    for nothing in ("nothing was refused", "data-chart", "of the minutes missing", "Incidents"):
        assert nothing not in page  # a chart of nothing, and what contradicts the answer
    assert "What helps" in text
    assert "spill-over" not in text
    Deployment.objects.filter(pk=world.chat.pk).update(spillover_deployment_name="ptu")
    assert "the spill-over deployment served is among them" in text_of(world.ada, chat(world))


def test_of_a_shared_deployment_without_a_gateway_nobody_can_tell_whose_calls_they_were(refused):
    SharedDeployment.objects.create(
        deployment_id=refused.chat.pk,
        effective_from=utc("2026-01-01 00:00"),
        effective_until=FOREVER,
        recorded_at=AT,
    )
    text = text_of(refused.ada, chat(refused))
    assert "Cannot tell" in text
    assert "no gateway tells whose calls were refused" in text


def test_a_service_without_a_deployment_says_what_to_do(world):  # noqa: F811
    make.service("Idle", world.atlas)
    text = text_of(world.ada, "/services/idle/throttling/")
    assert "Idle has no deployment of its own, so there is no refusal to explain." in text
    assert "No deployment is mapped" in text


def test_dan_of_another_team_sees_nothing(refused):
    assert answer_of(refused.dan).status_code == 404
    other = f"/services/digest/throttling/?deployment={refused.chat.pk}"
    assert answer_of(refused.dan, other).context["page"].found.chosen.name == "digest"


def test_the_page_asks_the_database_twelve_times_at_most(refused):
    client = Client()
    client.force_login(refused.ada)
    client.get(PAGE)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get(PAGE)
    statements = [each["sql"] for each in asked if "SAVEPOINT" not in each["sql"]]
    assert len(statements) <= 12, "\n".join(each[:160] for each in statements)


# ── Where it is linked, and the pool's part ───────────────────────────────────────────────────


def test_the_service_and_the_home_page_lead_here(refused, monkeypatch):
    monkeypatch.setattr("portal.views.service.now", lambda: AT)
    assert PAGE in answer_of(refused.ada, "/services/assistant/").content.decode()


def test_the_pools_page_says_who_absorbs_its_refusals_by_tier(refused, monkeypatch):
    monkeypatch.setattr("portal.views.pool.now", lambda: AT)
    pool = Pool.objects.get(kind="tokens")
    Deployment.objects.filter(pk__in=[refused.chat.pk, refused.digest_deployment.pk]).update(
        pool=pool
    )
    rows = answer_of(make.person("Cleo", "platform_owner"), f"/pools/{pool.pk}/").context[
        "absorbed"
    ]
    assert [(row.service, row.slug) for row in rows] == [
        ("Assistant", "assistant"),
        ("Digest", "digest"),
    ]
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert all(int(row.minutes[0].value) == int(row.minutes[1].value) > 200 for row in rows)


def test_a_team_sees_its_own_refusals_of_a_pool_and_the_others_without_names(refused, monkeypatch):
    monkeypatch.setattr("portal.views.pool.now", lambda: AT)
    pool = Pool.objects.get(kind="tokens")
    Deployment.objects.filter(pk__in=[refused.chat.pk, refused.digest_deployment.pk]).update(
        pool=pool
    )
    answer = answer_of(refused.dan, f"/pools/{pool.pk}/")
    if answer.status_code == 200:
        assert "Assistant" not in answer.content.decode()
    lines = absorbed_for(refused.dan, pool)
    assert {line.service for line in lines} == {"another team", "Digest"}


def absorbed_for(user, pool):
    return absorbed_by(pool_deployments(pool.pk, seen_services(user)), at=AT)


def served_elsewhere(name, minutes):
    values = full_at_ten("same", minutes)
    values["spilled"] = values["throttled"] if name == "chat" else values["spilled"]
    return values


def test_the_pools_page_counts_no_refusal_that_spill_over_served(refused):
    pool = Pool.objects.get(kind="provisioned")
    Deployment.objects.filter(pk=refused.ptu.pk).update(pool=pool)
    [before] = absorbed_for(refused.ada, pool)
    assert before.refused[0] > 0
    Deployment.objects.filter(pk=refused.ptu.pk).update(spillover_deployment_name="chat")
    refused.metrics.traffic = served_elsewhere
    pull_window(Window(AT - 24 * HOUR, AT), MINUTE, at=AT)
    [after] = absorbed_for(refused.ada, pool)
    assert 0 < after.refused[0] < before.refused[0]  # of the last day none, of those before all
    pull_window(Window(AT - 7 * 24 * HOUR, AT), MINUTE, at=AT)
    assert absorbed_for(refused.ada, pool) == []
