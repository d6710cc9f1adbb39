"""The cast and the worlds of quotas and showback, for the pages that join both."""

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
from showback.tests.conftest import world  # noqa: F401
