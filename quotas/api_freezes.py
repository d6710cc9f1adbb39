"""The API of freezes: what is agreed, one more, ending one early.

Freezes of all pools are there for everybody, those of one pool for who sees the pool. They hold
back starts and baselines, never ends.
"""

from typing import Any

from rest_framework import generics, serializers, status
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api_fields import MomentField
from portal.kernel.clock import now
from quotas.models import Freeze, Pool
from quotas.selectors.freezes import freezes_for
from quotas.services.freezes import LONGEST_REASON, add_freeze, end_freeze


class FreezeSerializer(serializers.ModelSerializer[Freeze]):
    """`pool` is None where it is of all pools; `until` is what was agreed, `ended_at` when it was
    ended early.
    """

    until = serializers.DateTimeField(source="effective_until")
    recorded_by = serializers.CharField(source="recorded_by.username")
    ended_by = serializers.CharField(source="ended_by.username", default=None)

    class Meta:
        model = Freeze
        fields = [
            "id", "pool", "until", "reason", "recorded_at", "recorded_by", "ended_at", "ended_by",
        ]  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        start = serializers.DateTimeField(source="effective_from")
        return {**super().get_fields(), "from": start}


class FreezeDraft(serializers.Serializer[Any]):
    pool = serializers.PrimaryKeyRelatedField(
        queryset=Pool.objects.allocatable(), required=False, allow_null=True
    )
    until = MomentField()
    reason = serializers.CharField(max_length=LONGEST_REASON)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": MomentField()}


class NewestFirst(CursorPagination):
    ordering = ("-effective_from", "-id")
    page_size = 50


class Freezes(generics.ListAPIView[Freeze]):
    """GET: those that this person may see, the latest first. POST: one more, by platform owners."""

    serializer_class = FreezeSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> Any:
        return freezes_for(self.request.user)

    def post(self, request: Request) -> Response:
        posted = FreezeDraft(data=request.data)
        posted.is_valid(raise_exception=True)
        data = posted.validated_data
        freeze = add_freeze(
            data.get("pool"),
            starts_at=data["from"],
            ends_at=data["until"],
            reason=data["reason"],
            by=request.user,
            at=now(),
        )
        return Response(FreezeSerializer(freeze).data, status=status.HTTP_201_CREATED)


class EndFreeze(APIView):
    """POST ends it now; before it began, it never is in force."""

    def post(self, request: Request, pk: int) -> Response:
        freeze = generics.get_object_or_404(freezes_for(request.user), pk=pk)
        return Response(FreezeSerializer(end_freeze(freeze, by=request.user, at=now())).data)
