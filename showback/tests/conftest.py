"""The cast and the world of showback's tests."""

from types import SimpleNamespace

import pytest

from showback.services import usage_pull
from showback.services.price_data import shipped_prices
from showback.services.prices import load_prices
from showback.tests import factories as make
from showback.tests.fakes import FakeMetrics

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
