"""The whole way with a gateway: simulated traffic → Monitor and gateway logs → whose it was."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models import Sum

from portal.cloud.capacity import AzureCapacity
from portal.kernel.windows import HOUR, MINUTE, Window
from portal.models import Role
from quotas.models import Deployment
from quotas.services.inventory import sync_subscription
from showback.models import Caller, CallerTarget, ServiceHour, UsageHour
from showback.selectors.service_minutes import service_minutes
from showback.services.caller_mapping import map_caller
from showback.services.caller_pull import pull_recent_callers
from showback.services.rollup import fill_everything
from showback.services.sharing import set_split_rule, share_deployment
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from stack.simulator_process import SimulatorProcess

WORKSPACE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
START, AT = datetime(2026, 3, 4, 8, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC)
SERVICES = {"radiology-prod": "Radiology", "risk-reports": "Risk", "redaction": "Redaction"}
COUNTS = (
    "ok_requests",
    "throttled_requests",
    "other_requests",
    "prompt_tokens",
    "generated_tokens",
)


@pytest.mark.django_db
def test_i21_a_shared_deployment_of_the_simulated_azure_is_divided_to_the_last_token(
    simulator: SimulatorProcess, settings: LazySettings
) -> None:
    settings.HEADROOM_LOG_WORKSPACES = [WORKSPACE]
    sync_subscription(SUBSCRIPTION, gateway=AzureCapacity(), at=START)
    chat = Deployment.objects.get(account__name="contoso-east", name="chat")
    cleo, atlas = make.person("Cleo", Role.PLATFORM_OWNER), make.team("Atlas")
    share_deployment(chat.pk, start=START, reason="x", by=cleo, at=AT)
    pull_window(Window(START, AT), MINUTE, at=AT)
    assert pull_recent_callers(4 * HOUR, at=AT).problems == ()
    assert CallerTarget.objects.filter(deployment=chat).exists()
    for key, name in SERVICES.items():
        caller = Caller.objects.get(key=key, kind=Caller.Kind.SUBSCRIPTION)
        map_caller(caller, service_id=make.service(name, atlas).pk, start=START, by=cleo, at=AT)
    rest = make.service("Past the gateway", atlas)
    set_split_rule(
        chat.pk, {rest.pk: 10_000}, start=START, until=None, reason="Known.", by=cleo, at=AT
    )
    fill_everything(at=AT)

    for row in UsageHour.objects.filter(deployment=chat):
        assert sums(ServiceHour.objects.filter(deployment=chat, hour=row.hour)) == {
            name: getattr(row, name) for name in COUNTS
        }
    parts = ServiceHour.objects.filter(deployment=chat, hour=START + HOUR)
    tokens = {(p.service.name if p.service else None, p.method): p.prompt_tokens for p in parts}
    assert tokens.keys() >= {(name, "gateway") for name in SERVICES.values()}
    whole = sum(tokens.values())
    assert 0.05 < tokens["Past the gateway", "split"] / whole < 0.2  # the world says a tenth
    assert 0 < tokens[None, "none"] / whole < 0.1  # calls without a subscription

    minutes = service_minutes(chat.pk, Window(START, START + HOUR))
    assert minutes is not None
    assert minutes.received.all()
    radiology = next(p for p in parts if p.service and p.service.name == "Radiology")
    assert minutes.by_service[radiology.service_id]["prompt"].sum() > 0


def sums(rows: Any) -> dict[str, int]:
    found = rows.aggregate(**{f"all_{name}": Sum(name) for name in COUNTS})
    return {name: found[f"all_{name}"] for name in COUNTS}
