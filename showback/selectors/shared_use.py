"""What one service used of shared deployments this month, and how that is known."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from portal.kernel import formatting
from portal.kernel.shown import Shown
from portal.models import User
from quotas.selectors.metering import metered_deployments, sees_service
from showback.models import Attribution
from showback.selectors.methods import in_window, shares_of, tokens_by, words_of
from showback.selectors.scope import label_of
from showback.selectors.shared_pages import this_month

SHARED = (Attribution.GATEWAY, Attribution.SPLIT)


@dataclass(frozen=True)
class SharedUse:
    deployment_id: int
    deployment: str
    tokens: Shown
    words: list[str]


def shared_use(user: User, service_id: int, *, at: datetime) -> list[SharedUse]:
    """By deployment, most tokens first; empty for a service that the person may not see."""
    if not sees_service(user, service_id):
        return []
    month = this_month(at)
    mine = Q(service_id=service_id, method__in=SHARED)
    tokens: dict[int, dict[str, int]] = defaultdict(dict)
    for row in tokens_by(mine & in_window(month), "deployment_id"):
        tokens[row["deployment_id"]][row["method"]] = row["tokens"]
    if not tokens:
        return []
    known = {d.id: d for d in metered_deployments(including_gone_since=month.start, ids=tokens)}
    return [
        SharedUse(
            key,
            label_of(known.get(key)),
            formatting.tokens(sum(by_method.values())),
            words_of(shares_of(by_method)),
        )
        for key, by_method in sorted(tokens.items(), key=lambda pair: -sum(pair[1].values()))
    ]
