"""What one service used of shared deployments this month, and how that is known."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from portal.kernel import formatting
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from portal.models import User
from quotas.selectors.metering import metered_deployments, sees_service
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
from showback.selectors.scope import label_of
from showback.selectors.shared_pages import this_month

SHARED = (Attribution.GATEWAY, Attribution.SPLIT)


@dataclass(frozen=True)
class SharedUse:
    deployment_id: int
    deployment: str
    tokens: Shown
    words: list[str]
    received: Received


def shared_use(user: User, service_id: int, *, at: datetime) -> list[SharedUse]:
    """By deployment, most tokens first; empty for a service that the person may not see."""
    if not sees_service(user, service_id):
        return []
    month = this_month(at)
    mine = Q(service_id=service_id, method__in=SHARED)
    used: dict[int, dict[str, Used]] = defaultdict(dict)
    for row in tokens_by(mine & in_window(month), "deployment_id"):
        used[row["deployment_id"]][row["method"]] = used_of(row)
    if not used:
        return []
    known = {d.id: d for d in metered_deployments(including_gone_since=month.start, ids=used)}
    found = [_use(key, label_of(known.get(key)), shares_of(used[key])) for key in used]
    return sorted(found, key=lambda use: -int(use.tokens.value))


def _use(key: int, label: str, shares: list[MethodShare]) -> SharedUse:
    received = received_of(shares)
    tokens = formatting.tokens(sum(share.tokens for share in shares))
    return SharedUse(key, label, received.at_least(tokens), words_of(shares), received)
