"""The API of sandboxes: one's own and those on one's pools; claim, keep for longer, end."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import generics, serializers, status
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.models import Deployment, Sandbox, Team
from quotas.selectors.sandboxes import teams_of
from quotas.services import sandboxes


class SandboxSerializer(serializers.ModelSerializer[Sandbox]):
    """`ended_at` is None while it is live."""

    person = serializers.CharField(source="person.username")
    service = serializers.CharField(source="service.slug")
    account = serializers.CharField(source="deployment.account.name")
    deployment = serializers.CharField(source="deployment.name")
    purpose = serializers.CharField(source="service.purpose")
    team = serializers.CharField(source="service.team.slug")
    tokens_per_minute = serializers.SerializerMethodField()

    class Meta:
        model = Sandbox
        fields = [
            "id", "person", "service", "team", "pool", "account", "deployment", "units",
            "tokens_per_minute", "purpose", "starts_at", "ends_at", "ended_at",
        ]  # fmt: skip

    def get_tokens_per_minute(self, sandbox: Sandbox) -> int | None:
        """None where Azure states no rate."""
        return sandbox.deployment.rate.tokens(sandbox.units)


class SandboxBody(serializers.Serializer[Any]):
    """`units` left out: as many as a sandbox may have; `team` left out by who is in one only."""

    deployment = serializers.PrimaryKeyRelatedField(
        queryset=Deployment.objects.open_for_sandboxes()
    )
    purpose = serializers.CharField(max_length=400)
    team = serializers.SlugRelatedField(
        slug_field="slug", queryset=Team.objects.all(), required=False
    )
    units = serializers.IntegerField(min_value=1, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = teams_of(self.context["request"].user)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]


class NewestFirst(CursorPagination):
    ordering = ("-starts_at", "-id")
    page_size = 50


class Sandboxes(generics.ListAPIView[Sandbox]):
    """GET: newest first. POST: claims one for oneself."""

    serializer_class = SandboxSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Sandbox]:
        return _visible(self.request)

    def post(self, request: Request) -> Response:
        body = SandboxBody(data=request.data, context={"request": request})
        body.is_valid(raise_exception=True)
        found = sandboxes.claim(**body.validated_data, by=request.user, at=now())
        return Response(SandboxSerializer(found).data, status=status.HTTP_201_CREATED)


class KeepSandbox(APIView):
    """POST keeps it until 30 days from now."""

    def post(self, request: Request, pk: int) -> Response:
        found = generics.get_object_or_404(_visible(request), pk=pk)
        return Response(SandboxSerializer(sandboxes.renew(found, by=request.user, at=now())).data)


class EndSandbox(APIView):
    """POST ends it now."""

    def post(self, request: Request, pk: int) -> Response:
        found = generics.get_object_or_404(_visible(request), pk=pk)
        return Response(SandboxSerializer(sandboxes.give_up(found, by=request.user, at=now())).data)


def _visible(request: Request) -> QuerySet[Sandbox]:
    rows: QuerySet[Sandbox] = Sandbox.objects.visible_to(request.user)
    return rows.select_related("person", "service__team", "deployment__account")
