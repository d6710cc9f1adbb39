"""Callers of shared deployments, whose they are, and files of what a gateway counted."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import generics, serializers, status
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.access import must_decide_sharing, must_read_everything
from portal.api_fields import CsvParser, MomentField
from portal.kernel.clock import now
from portal.kernel.windows import FOREVER, floor_to_hour
from showback.api.shapes import mapping_json
from showback.api.sharing import service_id, slugs
from showback.models import Caller, CallerMapping
from showback.querysets import in_force_at
from showback.services.caller_import import MOST_BYTES, import_callers
from showback.services.caller_mapping import end_mapping, first_use, map_caller


class CallerSerializer(serializers.ModelSerializer[Caller]):
    """`is_mapped` by a mapping of its own that holds now; its product's may hold for it too."""

    caller = serializers.CharField(source="key")
    gateway = serializers.CharField(source="source.name")
    is_mapped = serializers.BooleanField()

    class Meta:
        model = Caller
        fields = ["id", "caller", "kind", "product", "gateway", "first_seen_at", "is_mapped"]


class InOrder(CursorPagination):
    ordering = "pk"
    page_size = 50


class Callers(generics.ListAPIView[Caller]):
    """GET: every caller that a gateway has named; `?mapped=true` or `false` narrows it."""

    serializer_class = CallerSerializer
    pagination_class = InOrder

    def get_queryset(self) -> QuerySet[Caller]:
        must_read_everything(self.request)
        mine = CallerMapping.objects.filter(in_force_at(now()), caller=OuterRef("pk"))
        rows = Caller.objects.select_related("source").annotate(is_mapped=Exists(mine))
        wanted = self.request.query_params.get("mapped")
        if wanted is None:
            return rows
        if wanted not in ("true", "false"):
            raise serializers.ValidationError({"mapped": "Choose true or false."})
        return rows.filter(is_mapped=wanted == "true")


class MappingDraft(serializers.Serializer[Any]):
    """`from` left out: its first use where nobody has mapped it, else this hour."""

    service = serializers.CharField(max_length=60)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": MomentField(required=False)}


class Mappings(APIView):
    """GET: whose a caller is and was, newest first. POST: gives it to a service."""

    def get(self, request: Request, pk: int) -> Response:
        must_read_everything(request)
        rows = get_object_or_404(Caller, pk=pk).mappings.order_by("-effective_from")
        known = slugs()
        return Response({"results": [mapping_json(row, known, _end(row)) for row in rows]})

    def post(self, request: Request, pk: int) -> Response:
        user, at = must_decide_sharing(request), now()
        caller = get_object_or_404(Caller.objects.select_related("source"), pk=pk)
        draft = MappingDraft(data=request.data)
        draft.is_valid(raise_exception=True)
        service = service_id(draft.validated_data["service"])
        usual = floor_to_hour(at) if caller.mappings.exists() else first_use(caller, at=at)
        start = draft.validated_data.get("from") or usual
        row = map_caller(caller, service_id=service, start=start, by=user, at=at)
        told = mapping_json(row, slugs(), _end(row))
        return Response(told, status=status.HTTP_201_CREATED)


class EndMapping(APIView):
    def post(self, request: Request, pk: int) -> Response:
        user = must_decide_sharing(request)
        end_mapping(get_object_or_404(Caller, pk=pk), by=user, at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class CallersCsv(CsvParser):
    most_bytes = MOST_BYTES


class GatewayQuery(serializers.Serializer[Any]):
    gateway = serializers.CharField(max_length=60)


class CallerImports(APIView):
    """POST: a CSV file (`text/csv`) of the gateway `?gateway=`: all of its lines, or none."""

    parser_classes = (CallersCsv,)

    def post(self, request: Request) -> Response:
        user = must_decide_sharing(request)
        query = GatewayQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        content = request.data if isinstance(request.data, bytes) else b""
        found = import_callers(query.validated_data["gateway"], content, by=user, at=now())
        if found.problems:
            raise serializers.ValidationError({"lines": [str(each) for each in found.problems]})
        return Response(
            {
                "lines": found.lines,
                "hours": found.hours,
                "hours_changed": found.hours_changed,
            }
        )


def _end(row: CallerMapping) -> Any:
    return None if row.effective_until == FOREVER else row.effective_until
