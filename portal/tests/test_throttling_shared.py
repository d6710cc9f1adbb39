"""Refusals of a shared deployment whose gateway measured the callers: whose they were."""

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.kernel.windows import HOUR, MINUTE, Window
from portal.models import Role
from quotas.selectors.metering import held_spans, metered
from showback.domain.throttling import Cause, Confidence
from showback.evidence import UsageHistory
from showback.gateway import CallerKey
from showback.models import Caller
from showback.selectors.throttling import service_throttling
from showback.services import caller_pull
from showback.services.caller_mapping import map_caller
from showback.services.caller_pull import pull_source, workspaces
from showback.services.sharing import share_deployment
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import utc
from showback.tests.fakes import FakeCallers, steady

START, AT = utc("2026-03-02 06:00"), utc("2026-03-02 14:30")
PERIOD = Window(START, AT)
PAGE = "/services/assistant/throttling/"
pytestmark = pytest.mark.django_db


def is_busy(minutes):
    return (minutes % 1440 >= 600) & (minutes % 1440 < 640)


def full(name, minutes):
    """84 requests of 1,200 tokens fill the 100 units; 20 more are refused, from 10:00 to 10:40."""
    ok = np.where(is_busy(minutes), 84, 20)
    return {
        **steady(name, minutes),
        "ok": ok,
        "throttled": np.where(is_busy(minutes), 20, 0),
        "prompt": ok * 1000,
        "generated": ok * 200,
    }


def callers(own: int, gateway: int = 0):
    """Of 84 busy requests `own` are Assistant's, the others Digest's; refusals in proportion."""

    def draw(key, minutes):
        mine = key.caller == "assistant-key"
        part = own if mine else 84 - own
        ok = np.where(is_busy(minutes), part, 10)
        busy = is_busy(minutes)
        return {
            "ok": ok,
            "throttled": np.where(busy, 20 * part // 84, 0),
            "throttled_by_gateway": np.where(busy & mine, gateway, 0),
            "prompt": ok * 1000,
            "generated": ok * 200,
        }

    return draw


@pytest.fixture
def measured(world, settings, monkeypatch):
    """Assistant and Digest share chat behind a gateway; its minutes are read and mapped."""

    def read(own: int, gateway: int = 0, *, traffic=full):
        settings.HEADROOM_LOG_WORKSPACES = ["22222222-2222-2222-2222-222222222222"]
        cleo = make.person("Cleo", Role.PLATFORM_OWNER)
        names = {"assistant-key": world.assistant, "digest-key": world.digest}
        keys = [CallerKey(name, "ai-apps", "acme.openai.azure.com", "chat") for name in names]
        logs = FakeCallers(keys, callers(own, gateway))
        monkeypatch.setattr(caller_pull, "caller_source", logs)
        world.metrics.traffic = traffic
        pull_window(Window(START, AT), MINUTE, at=AT)
        pull_source(workspaces(at=AT)[0], Window(START, AT - HOUR), at=AT)
        share_deployment(world.chat.pk, start=START, reason="x", by=cleo, at=AT)
        for name, service in names.items():
            row = Caller.objects.get(key=name, kind="subscription")
            map_caller(row, service_id=service.pk, start=START, by=cleo, at=AT)
        return world

    return read


def found_of(world, service):
    return service_throttling(service.pk, PERIOD, at=AT, deployment=str(world.chat.pk))


def test_a_neighbour_that_took_the_room_is_named_by_what_the_gateway_measured(measured):
    world = measured(own=20)
    incident = found_of(world, world.assistant).incidents[0]
    assert (incident.verdict.cause, incident.verdict.confidence) == (
        Cause.NEIGHBOUR,
        Confidence.HIGH,
    )
    assert incident.refused == 40 * (20 * 20 // 84)  # its own, not everybody's 800


def test_the_service_that_filled_the_deployment_is_not_told_of_a_neighbour(measured):
    world = measured(own=82)
    incident = found_of(world, world.assistant).incidents[0]
    assert incident.verdict.cause == Cause.TOKENS


def test_refusals_of_the_gateways_own_limit_are_incidents_though_azure_saw_none(measured):
    world = measured(own=20, gateway=7, traffic=calm)
    incident = found_of(world, world.assistant).incidents[0]
    assert incident.verdict.cause == Cause.GATEWAY_LIMIT
    assert incident.refused >= 40 * 7


def calm(name, minutes):
    return {**full(name, minutes), "throttled": np.zeros_like(minutes)}


def test_the_card_says_of_a_shared_deployment_what_the_page_says(measured):
    world = measured(own=20)
    facts = {"held_units": 100, "extra_units": 1, "past_bursts": (), "at": AT}
    whose = {"service_id": world.assistant.pk, "team_id": world.assistant.team_id}
    held = held_spans(UsageHistory().history(at=AT), deployment_ids=[world.chat.pk])
    found = UsageHistory().usage_evidence(metered(world.chat), **whose, held=held, **facts)
    assert found.likely_cause_7_days == "another service took the room, high confidence"


def test_with_a_gateway_too_the_page_asks_the_database_twelve_times_at_most(measured, monkeypatch):
    world = measured(own=20)
    monkeypatch.setattr("portal.views.service.throttling.now", lambda: AT)
    client = Client()
    client.force_login(world.ada)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(f"{PAGE}?deployment={world.chat.pk}")
    assert "a gateway measured which calls were this one’s" in answer.content.decode()
    statements = [each["sql"] for each in asked if "SAVEPOINT" not in each["sql"]]
    assert len(statements) <= 12, "\n".join(each[:160] for each in statements)
