"""The API of what is known of a service: read, and changed as it was read."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.models import Service
from quotas.selectors.facts import facts_of, seen
from quotas.selectors.services import visible_service
from quotas.services.facts import change_facts


class FactsSerializer(serializers.Serializer[Any]):
    """What registering asks, and a service keeps, less who answers for it."""

    environment = serializers.ChoiceField(Service.Environment.choices)
    tier = serializers.ChoiceField(Service.Tier.choices)
    purpose = serializers.CharField(max_length=2_000)
    user_population = serializers.CharField(max_length=160)
    if_throttled = serializers.CharField(max_length=2_000)
    proof_metric = serializers.CharField(max_length=160)
    data_class = serializers.ChoiceField(Service.DataClass.choices)
    data_residency = serializers.ChoiceField(Service.Residency.choices)


class SeenBody(serializers.Serializer[Any]):
    seen = serializers.CharField(max_length=64)


class ServiceFacts(APIView):
    """GET: the facts, and `seen`, which stands for them. PATCH: those that are named become so; 409
    where they are others than `seen` says. 404 for others' services.
    """

    def get(self, request: Request, slug: str) -> Response:
        return _answer(visible_service(request.user, slug))

    def patch(self, request: Request, slug: str) -> Response:
        service = visible_service(request.user, slug)
        as_seen, facts = (
            SeenBody(data=request.data),
            FactsSerializer(data=request.data, partial=True),
        )
        as_seen.is_valid(raise_exception=True)
        facts.is_valid(raise_exception=True)
        changed = change_facts(
            service,
            facts.validated_data,
            as_seen=as_seen.validated_data["seen"],
            by=request.user,
            at=now(),
        )
        return _answer(changed)


def _answer(service: Service) -> Response:
    return Response({"service": service.slug, **facts_of(service), "seen": seen(service)})
