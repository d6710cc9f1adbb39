"""The people of the golden path, and its world before the story begins."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from portal.management.clocks import TwoClocks
from portal.models import User
from quotas import tasks as quotas_tasks
from quotas.models import Deployment, Pool, Service
from quotas.services import mapping, pools
from quotas.tests import factories
from tests.golden import world


@pytest.fixture
def code(clocks: TwoClocks, ada: User, cleo: User) -> Service:
    """The world an hour before the trace: synced, mapped, the pool switched to applying."""
    at = world.TRACE_START - timedelta(minutes=4)
    clocks.set(at)
    call_command("load_prices", verbosity=0)
    quotas_tasks.sync_inventory()
    found = factories.service("Code completion", factories.team("Atlas", lead=ada), ada)
    mapping.map_deployment(Deployment.objects.get(), service=found, by=cleo, at=clocks.now())
    pool = Pool.objects.allocatable().get()
    Pool.objects.update(lead=world.LEAD)
    pools.switch_mode(pool, mode="apply", by=cleo, at=clocks.now())
    return found
