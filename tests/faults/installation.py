"""An installation against the simulated Azure of a test, moved along by its own tasks' services.

Everything is real but the clock and the sleeps: HTTPS, SDKs, PostgreSQL, roll-up, the health page.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import models, transaction
from django.test import Client

from portal.kernel.errors import CloudError
from portal.kernel.windows import HOUR, MINUTE
from portal.models import User
from quotas.gateway import capacity_gateway
from quotas.models import Deployment
from quotas.services.inventory import sync_subscription
from quotas.services.mapping import map_deployment
from quotas.tests import factories
from showback import models as showback
from showback.services.caller_mapping import map_caller
from showback.services.caller_pull import pull_recent_callers
from showback.services.rollup import fill_everything
from showback.services.sharing import share_deployment
from showback.services.usage_pull import pull_recent
from stack.simulator_process import SimulatorProcess

START = datetime(2026, 3, 4, 9, 58, tzinfo=UTC)
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
WORKSPACE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
BLOCK = re.compile(r"</?(?:a|dd|div|dt|h2|li|p|td|th|tr)\b[^>]*>")
# Whose rows are compared: all that use and its cost are kept in.
TABLES = (
    showback.UsageHour,
    showback.UsageMinutes,
    showback.CallerHour,
    showback.CallerMinutes,
    showback.GatewayHour,
    showback.ServiceHour,
    showback.ServiceDay,
    showback.CostLine,
)
Rows = dict[str, list[tuple[tuple[str, str], ...]]]


@dataclass
class Installation:
    """`at` is the portal's and Azure's time; it stands still until `go_to`."""

    azure: SimulatorProcess
    owner: User
    at: datetime = START

    def go_to(self, text: str) -> None:
        """To so many hours and minutes of the same day: `"10:43"`."""
        hours, minutes = text.split(":")
        self.at = START.replace(hour=int(hours), minute=int(minutes))
        self.azure.control("POST", "/clock", {"at": self.at.isoformat(), "frozen": True})

    def sync(self) -> None:
        """The inventory; what cannot be read is on the page, as for the task."""
        try:
            sync_subscription(SUBSCRIPTION, gateway=capacity_gateway(), at=self.at)
        except CloudError:
            return

    def pull(self, lookback: timedelta = HOUR) -> None:
        pull_recent(lookback, at=self.at)
        pull_recent_callers(lookback, at=self.at)

    def roll_up(self) -> None:
        fill_everything(at=self.at)

    def map_everything(self) -> None:
        """Each deployment to a service of its own; the one behind the gateway is shared."""
        team = factories.team("Atlas")
        for row in Deployment.objects.filter(service=None).order_by("resource_key"):
            service = factories.service(row.name.title(), team, self.owner)
            map_deployment(row, service=service, by=self.owner, at=self.at)
        chat = Deployment.objects.get(name="chat")
        share_deployment(chat.pk, start=START.replace(hour=9, minute=0), reason="It always was.",
                         by=self.owner, at=self.at)  # fmt: skip
        caller = showback.Caller.objects.get(key="radiology-prod")
        map_caller(caller, service_id=chat.service_id or 0, by=self.owner, at=self.at,
                   start=START.replace(hour=9, minute=0))  # fmt: skip

    def fault(self, **fault: Any) -> None:
        self.azure.control("POST", "/faults", {"times": 0, **fault})

    def knobs(self, **knobs: Any) -> None:
        self.azure.control("POST", "/knobs", knobs)

    def clear(self) -> None:
        """Azure is well again, and the waits it asked for are over."""
        self.azure.control("POST", "/reset", {"parts": ["faults", "knobs"]})
        cache.clear()

    def health(self) -> str:
        """What a platform owner reads on the health page."""
        return self._page("/health/")

    def home(self) -> str:
        return self._page("/")

    def _page(self, path: str) -> str:
        client = Client()
        client.force_login(self.owner)
        answer = client.get(path)
        assert answer.status_code == 200
        page = answer.content.decode()
        text = BLOCK.sub(" ", page[page.index("<main") :].split("</main>")[0])
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))

    def minutes(self, name: str, measure: str = "ok") -> dict[datetime, int]:
        """What is known of a deployment, minute by minute; what is not known is not there."""
        rows = showback.UsageMinutes.objects.filter(deployment__name=name)
        return {
            row.hour + slot * MINUTE: value
            for row in rows
            for slot, value in enumerate(getattr(row, measure) or [])
            if value is not None
        }


def tables() -> Rows:
    """Every row of every table as text, under names in place of keys, in an order of its own."""
    return {model.__name__: sorted(map(_row, model.objects.all())) for model in TABLES}


def _row(row: models.Model) -> tuple[tuple[str, str], ...]:
    found = []
    for field in row._meta.concrete_fields:
        if isinstance(field, models.BigAutoField):
            continue
        value = getattr(row, field.name) if field.is_relation else getattr(row, field.attname)
        found.append((field.name, str(value)))
    return tuple(found)


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever is written inside is gone afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
