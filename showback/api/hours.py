"""Whose use it was: a service's hours with their method, and what is nobody's."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.access import must_read_everything
from portal.api_fields import asked_window
from portal.kernel.clock import now
from portal.kernel.windows import HOUR, Window, floor_to_hour
from quotas.selectors.metering import metered_deployments, service_names
from showback.api.shapes import Json, bucket_json, methods_json, received_json, unknown_json
from showback.api.sharing import slugs
from showback.models import ServiceHour
from showback.selectors.methods import in_window, method_shares
from showback.selectors.scope import label_of
from showback.selectors.unattributed import unattributed

LONGEST = timedelta(days=31)
COUNTS = (
    "ok_requests",
    "throttled_requests",
    "other_requests",
    "prompt_tokens",
    "generated_tokens",
    "minutes_received",
    "minutes_expected",
)


class ServiceHours(APIView):
    """GET: one row for each hour, deployment and method; `?from=&until=`, else the last day.

    Minutes are the hour's, equal in its rows: where fewer were received than expected, the counts
    are of those alone. An hour without a row: no use of this service was read in it.
    """

    def get(self, request: Request, slug: str) -> Response:
        names = service_names(visible_to=request.user).values()
        service = next((name for name in names if name.slug == slug), None)
        if service is None:
            raise Http404
        end = floor_to_hour(now()) + HOUR
        window = asked_window(request, Window(end - timedelta(days=1), end))
        if window.length > LONGEST:
            sentence = f"Ask for at most {LONGEST.days} days at a time."
            raise serializers.ValidationError({"until": sentence})
        mine = Q(service_id=service.id) & in_window(window)
        return Response(
            {
                "service": service.slug,
                "from": window.start,
                "until": window.end,
                "methods": methods_json(method_shares(mine)),
                "results": _rows(mine, window),
            }
        )


class Unattributed(APIView):
    """GET: the running month's use that is nobody's, in buckets, with what suggests a service."""

    def get(self, request: Request) -> Response:
        must_read_everything(request)
        page, known = unattributed(at=now()), slugs()
        return Response(
            {
                "month": str(page.month.month),
                "tokens": page.tokens,
                "share": page.share,
                "cost": str(page.amount),
                **received_json(page.received),
                "results": [bucket_json(bucket, known) for bucket in page.buckets],
                "unknown_targets": [unknown_json(target) for target in page.unknown],
            }
        )


def _rows(mine: Q, window: Window) -> list[Json]:
    known = {d.id: label_of(d) for d in metered_deployments(including_gone_since=window.start)}
    rows = ServiceHour.objects.filter(mine).order_by("hour", "deployment_id", "method")
    return [_row(row, known) for row in rows.values("hour", "deployment_id", "method", *COUNTS)]


def _row(row: dict[str, Any], known: dict[int, str]) -> Json:
    expected = row["minutes_expected"]
    return {
        "hour": row["hour"],
        "deployment": known.get(row["deployment_id"], f"deployment {row['deployment_id']}"),
        "deployment_id": row["deployment_id"],
        "method": row["method"],
        **{name: row[name] for name in COUNTS},
        "completeness": row["minutes_received"] / expected if expected else None,
    }
