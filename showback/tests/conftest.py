"""The cast and the world of showback's tests."""

from types import SimpleNamespace
from typing import Any

import pytest

from portal.kernel.windows import HOUR, MINUTE, Window
from portal.models import Role
from showback.gateway import CallerKey
from showback.services import caller_pull, usage_pull
from showback.services.caller_pull import pull_source, workspaces
from showback.services.price_data import shipped_prices
from showback.services.prices import load_prices
from showback.services.rollup import fill_everything
from showback.services.sharing import share_deployment
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import AT, HOST, START
from showback.tests.fakes import FakeCallers, FakeMetrics, share_of_steady

# Of the models in this world, and of provisioned capacity: all of them would take half a second.
PRICES = [row for row in shipped_prices() if row.model_name in ("gpt-4o", "")]


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Atlas runs Assistant (chat, and ptu which is provisioned), Delta runs Digest (digest).

    `stray` belongs to nobody. Assistant holds 100 units of chat and 40 of the 50 PTUs of ptu.
    """
    ada, ben, dan = make.person("Ada"), make.person("Ben"), make.person("Dan")
    atlas, delta = make.team("Atlas", ada, ben), make.team("Delta", dan)
    assistant, digest = make.service("Assistant", atlas), make.service("Digest", delta)
    chat = make.deployment("chat", assistant)
    ptu = make.provisioned("ptu", assistant)
    digest_deployment = make.deployment("digest", digest)
    stray = make.deployment("stray", None)
    make.hold(chat, assistant, 100)
    make.hold(ptu, assistant, 40)
    make.hold(digest_deployment, digest, 100)
    make.hold(stray, None, 100)
    metrics = FakeMetrics({chat.account.resource_key: ["chat", "ptu", "digest", "stray"]})
    monkeypatch.setattr(usage_pull, "usage_source", metrics)
    load_prices(PRICES)
    return SimpleNamespace(
        ada=ada,
        ben=ben,
        dan=dan,
        fay=make.finance(),
        atlas=atlas,
        delta=delta,
        assistant=assistant,
        digest=digest,
        chat=chat,
        ptu=ptu,
        digest_deployment=digest_deployment,
        stray=stray,
        metrics=metrics,
    )


@pytest.fixture
def shared(
    world: SimpleNamespace, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """Chat is shared since 06:00. Its gateway counts 6 and 3 of its 10 requests a minute, of
    callers that nobody has mapped, and one of a deployment that nobody knows.
    """
    settings.HEADROOM_LOG_WORKSPACES = ["22222222-2222-2222-2222-222222222222"]
    world.cleo = make.person("Cleo", Role.PLATFORM_OWNER)
    keys = [CallerKey(name, "ai-apps", HOST, "chat") for name in ("assistant-key", "k-77")]
    keys.append(CallerKey("lost-key", "", HOST, "nowhere"))
    world.logs = FakeCallers(keys, share_of_steady({"assistant-key": 6, "k-77": 3, "lost-key": 1}))
    monkeypatch.setattr(caller_pull, "caller_source", world.logs)
    pull_window(Window(START, AT), MINUTE, at=AT)
    pull_source(workspaces(at=AT)[0], Window(START, AT - HOUR), at=AT)
    share_deployment(world.chat.pk, start=START, reason="x", by=world.cleo, at=AT)
    fill_everything(at=AT)
    world.page = f"/sharing/{world.chat.pk}/"
    return world
