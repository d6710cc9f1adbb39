"""How it is known what one service used: over a window, and of shared deployments this month."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from portal.kernel import formatting
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from portal.kernel.windows import Window
from showback.models import Attribution
from showback.selectors.methods import (
    MethodShare,
    Used,
    in_window,
    received_of,
    shares_of,
    tokens_by,
    used_of,
    words_of,
)
from showback.selectors.shared_pages import this_month

SHARED = (Attribution.GATEWAY, Attribution.SPLIT)


@dataclass(frozen=True)
class SharedUse:
    deployment_id: int
    deployment: str
    tokens: Shown
    words: list[str]
    received: Received


@dataclass(frozen=True)
class ServiceMethods:
    """`shares` are of the window; `shared` of this month, by shared deployment."""

    shares: list[MethodShare]
    shared: dict[int, list[MethodShare]]

    def shared_use(self, names: Mapping[int, str]) -> list[SharedUse]:
        """Most tokens first. `names` are those of the deployments, by id."""
        found = [_use(key, names[key], shares) for key, shares in self.shared.items()]
        return sorted(found, key=lambda use: -int(use.tokens.value))


def service_methods(service_id: int, window: Window, *, at: datetime) -> ServiceMethods:
    """Of a service that the person may see: nothing here checks that again. One query."""
    within, month = in_window(window), in_window(this_month(at))
    by_method: dict[str, Used] = defaultdict(Used)
    shared: dict[int, dict[str, Used]] = defaultdict(lambda: defaultdict(Used))
    mine = Q(service_id=service_id) & (within | month & Q(method__in=SHARED))
    for row in tokens_by(mine, "deployment_id", within=within, this_month=month):
        if row["within"]:
            by_method[row["method"]] += used_of(row)
        if row["this_month"] and row["method"] in SHARED:
            shared[row["deployment_id"]][row["method"]] += used_of(row)
    return ServiceMethods(
        shares_of(by_method), {key: shares_of(used) for key, used in shared.items()}
    )


def _use(key: int, label: str, shares: list[MethodShare]) -> SharedUse:
    received = received_of(shares)
    tokens = formatting.tokens(sum(share.tokens for share in shares))
    return SharedUse(key, label, received.at_least(tokens), words_of(shares), received)
