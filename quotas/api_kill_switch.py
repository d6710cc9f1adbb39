"""The API of the kill switch: whether it is on and each time that it was thrown, throwing it,
turning it off again. Everybody reads it; platform owners write.
"""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.models import KillSwitch
from quotas.selectors.kill_switch import MOST_SHOWN, newest_first
from quotas.services import kill_switch


class KillSwitchSerializer(serializers.ModelSerializer[KillSwitch]):
    """One time; the last three say nothing while it is on."""

    turned_on_by = serializers.CharField(source="turned_on_by.username")
    turned_off_by = serializers.CharField(source="turned_off_by.username", default=None)

    class Meta:
        model = KillSwitch
        fields = [
            "id", "is_on", "turned_on_at", "turned_on_by", "reason",
            "turned_off_at", "turned_off_by", "reason_to_go_on",
        ]  # fmt: skip


class ReasonBody(serializers.Serializer[Any]):
    """What a reason has to be is the service's to say."""

    reason = serializers.CharField(allow_blank=True, default="")


class KillSwitches(APIView):
    """GET: the newest fifty times; one that is on is the first. POST: it is thrown, 201."""

    def get(self, request: Request) -> Response:
        rows = newest_first()[:MOST_SHOWN]
        told = KillSwitchSerializer(rows, many=True).data
        return Response({"is_on": any(row["is_on"] for row in told), "results": told})

    def post(self, request: Request) -> Response:
        thrown = kill_switch.throw(reason=reason_in(request), by=request.user, at=now())
        return Response(KillSwitchSerializer(thrown).data, status=status.HTTP_201_CREATED)


class TurnOff(APIView):
    """POST turns off the one that is named, so that nobody ends another's by mistake."""

    def post(self, request: Request, pk: int) -> Response:
        switch = get_object_or_404(newest_first(), pk=pk)
        off = kill_switch.turn_off(switch, reason=reason_in(request), by=request.user, at=now())
        return Response(KillSwitchSerializer(off).data)


def reason_in(request: Request) -> str:
    body = ReasonBody(data=request.data)
    body.is_valid(raise_exception=True)
    return str(body.validated_data["reason"])
