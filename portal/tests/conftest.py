"""The cast and the worlds of quotas and showback, for the pages that join both."""

import pytest

from portal.kernel.clock import now
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour
from portal.models import Role, RoleGrant
from quotas.tests.conftest import (  # noqa: F401
    ada,
    applying,
    atlas,
    azure,
    ben,
    browse,
    chat,
    cleo,
    dan,
    delta,
    fay,
    noon,
    pool,
    search,
    synced,
)
from showback.services.backfill import plan_backfill
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window
from showback.tests.conftest import world  # noqa: F401


@pytest.fixture
def used(world):  # noqa: F811
    """Three hours of use up to this moment. Ada leads; Fay has every role that reads."""
    at = now()
    pull_window(Window(floor_to_hour(at) - 3 * HOUR, at), MINUTE, at=at)
    fill_everything(at=at)
    plan_backfill(at=at)
    for role in (Role.PLATFORM_OWNER, Role.AUDITOR):
        RoleGrant.objects.create(user=world.fay, role=role, granted_at=at)
    return world
