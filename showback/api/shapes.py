"""Answers of selectors as JSON: counts are whole numbers, shares fractions, null is not known."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from portal.kernel.received import Received
from showback.domain.suggestions import Suggestion
from showback.models import CallerMapping
from showback.selectors.caller_rows import CallerRow
from showback.selectors.methods import MethodShare
from showback.selectors.shared_page import RuleRow, SharedPage
from showback.selectors.shared_pages import SharedRow, UnknownTarget
from showback.selectors.unattributed import Bucket

Json = dict[str, Any]
Slugs = dict[int, str]  # of services, by id


def shared_row_json(row: SharedRow) -> Json:
    return {
        "id": row.id,
        "deployment": row.label,
        "model": row.model,
        "from": row.since,
        "until": row.until,
        "tokens": row.tokens,
        "methods": methods_json(row.shares),
        "unattributed_share": row.unattributed,
    }


def shared_json(page: SharedPage, slugs: Slugs) -> Json:
    return {
        "id": page.id,
        "deployment": page.label,
        "model": page.model,
        "is_shared": page.is_shared,
        "windows": [
            {"from": start, "until": until, "reason": reason}
            for start, until, reason in page.windows
        ],
        "gateway_read_until": page.gateway_until,
        "methods": methods_json(page.methods),
        "unattributed_share": page.unattributed,
        "callers": [caller_json(row, slugs) for row in page.callers],
        "split_rules": [rule_json(rule, slugs) for rule in page.rules],
    }


def methods_json(shares: Iterable[MethodShare]) -> list[Json]:
    return [
        {
            "method": each.method,
            "words": each.label,
            "tokens": each.tokens,
            "share": each.share,
            **received_json(each.received),
        }
        for each in shares
    ]


def received_json(received: Received) -> Json:
    """Where `minutes_missing` is not 0, a total beside it is the least that it may be."""
    return {"minutes_missing": received.missing, "minutes_due": received.due}


def caller_json(row: CallerRow, slugs: Slugs) -> Json:
    """Counts are of the running month, as the gateway has them; `filtered` null: it logs none.

    `filtered_hours_unknown`: of so many hours it is not among the count.
    """
    return {
        "id": row.id,
        "caller": row.name,
        "kind": row.kind,
        "product": row.product,
        "gateway": row.source,
        "service": row.service.slug if row.service else None,
        "mapped_from": row.since,
        "by_product": row.by_product,
        "suggested": suggested_json(row.suggested, slugs),
        "requests": row.use.requests,
        "throttled": row.use.throttled,
        "throttled_by_gateway": row.use.throttled_by_gateway,
        "filtered": row.use.filtered,
        "filtered_hours_unknown": row.use.filtered_hours_unknown,
        "tokens": row.use.tokens,
    }


def suggested_json(suggested: Suggestion | None, slugs: Slugs) -> Json | None:
    if suggested is None:
        return None
    return {
        "service": slugs[suggested.service_id],
        "confidence": round(suggested.confidence, 2),
        "reason": suggested.reason,
    }


def rule_json(rule: RuleRow, slugs: Slugs) -> Json:
    return {
        "id": rule.id,
        "from": rule.start,
        "until": rule.until,
        "state": rule.state,
        "reason": rule.reason,
        "shares": [
            {"service": slugs[service], "basis_points": round(share * 10_000)}
            for service, _, share in rule.shares
        ],
    }


def mapping_json(row: CallerMapping, slugs: Slugs, until: datetime | None) -> Json:
    return {
        "id": row.pk,
        "service": slugs[row.service_id],
        "from": row.effective_from,
        "until": until,
    }


def bucket_json(bucket: Bucket, slugs: Slugs) -> Json:
    """`cost` null: nothing of it has a price."""
    return {
        "key": bucket.key,
        "kind": bucket.kind,
        "name": bucket.name,
        "deployment": bucket.deployment,
        "deployment_id": bucket.deployment_id,
        "detail": bucket.detail,
        "tokens": bucket.tokens,
        "cost": None if bucket.amount is None else str(bucket.amount),
        "suggested": suggested_json(bucket.suggested, slugs),
    }


def unknown_json(target: UnknownTarget) -> Json:
    return {
        "name": target.name,
        "gateway": target.source,
        "tokens": target.tokens,
        "requests": target.requests,
    }
