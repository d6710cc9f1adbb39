"""The API of pools: limit, reserve, what is free now and over a window, how the limit moved.

Who sees a pool on its page sees it here. Units are whole; TPM and RPM are derived, and null where
Azure states no single rate. Times are ISO 8601 and must carry an offset.
"""

from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api_fields import asked_window
from portal.kernel.clock import now
from portal.kernel.units import units_for
from portal.kernel.windows import Window
from quotas.api import LARGEST
from quotas.models import Pool
from quotas.selectors.api_calendar import at_risk_json, calendar_json
from quotas.selectors.api_pools import limits_json, pool_json, pools_json, reserve_json
from quotas.selectors.pool_figures import AHEAD
from quotas.selectors.pool_rates import pool_rate
from quotas.services.reserves import most_reserve, set_reserve


class Pools(APIView):
    """GET: every pool that this person may see, with what is free now and in the next 30 days."""

    def get(self, request: Request) -> Response:
        return Response({"results": pools_json(request.user, at=now())})


class OnePool(APIView):
    """GET: one pool; `?from=&until=` asks what is free at every instant of that window."""

    def get(self, request: Request, pk: int) -> Response:
        at, pool = now(), visible_pool(request, pk)
        return Response(pool_json(pool, asked_window(request, _next_month(at)), at=at))


class Limits(APIView):
    """GET: how Azure moved the limit, newest first."""

    def get(self, request: Request, pk: int) -> Response:
        return Response({"results": limits_json(visible_pool(request, pk))})


class Calendar(APIView):
    """GET: who holds what when, and within which bounds; `?from=&until=`, else the next 30 days."""

    def get(self, request: Request, pk: int) -> Response:
        at, pool = now(), visible_pool(request, pk)
        window = asked_window(request, _next_month(at))
        return Response(calendar_json(pool, request.user, window, at=at))


class AtRisk(APIView):
    """GET: grants that no longer fit, as Azure lowered the limit or quota was taken outside."""

    def get(self, request: Request, pk: int) -> Response:
        return Response(at_risk_json(visible_pool(request, pk), request.user, at=now()))


class ReserveDraft(serializers.Serializer[Any]):
    units = serializers.IntegerField(required=False, max_value=LARGEST)
    tokens_per_minute = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST)
    reason = serializers.CharField(max_length=200)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if ("units" in data) == ("tokens_per_minute" in data):
            raise serializers.ValidationError("Give either units or tokens_per_minute.")
        return data


class Reserve(APIView):
    """GET: what is kept back, how it was set, how much could be. POST: sets it from now on."""

    def get(self, request: Request, pk: int) -> Response:
        return self._answer(visible_pool(request, pk))

    def post(self, request: Request, pk: int) -> Response:
        pool = visible_pool(request, pk)
        draft = ReserveDraft(data=request.data)
        draft.is_valid(raise_exception=True)
        units, reason = _units(pool, draft.validated_data), draft.validated_data["reason"]
        return self._answer(
            set_reserve(pool, units=units, reason=reason, by=request.user, at=now())
        )

    def _answer(self, pool: Pool) -> Response:
        return Response(reserve_json(pool, most_reserve(pool, at=now())))


def visible_pool(request: Request, pk: int) -> Pool:
    return get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)


def _next_month(at: datetime) -> Window:
    return Window(at, at + AHEAD)


def _units(pool: Pool, data: dict[str, Any]) -> int:
    if "units" in data:
        return int(data["units"])
    rate = pool_rate(pool).only
    if rate is None:
        sentence = "This pool has no single rate of tokens per minute; give units."
        raise serializers.ValidationError({"tokens_per_minute": sentence})
    return units_for(tokens_per_minute=data["tokens_per_minute"], rate=rate)
