"""The API for machines: burst requests, readable and creatable, with the same services underneath.

Errors are problem+json (`portal.problems`). Times are ISO 8601 and must carry an offset.
"""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import generics, serializers, status
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api_fields import MomentField
from portal.kernel.clock import now
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors.amounts import Asked, units_of
from quotas.selectors.burst_form import grantable_deployments
from quotas.selectors.requests import with_names
from quotas.selectors.services import visible_service
from quotas.selectors.words import amount_word
from quotas.services.asking import Draft
from quotas.services.requests import submit

LARGEST = 2_000_000_000  # what the ledger's column holds


class BurstRequestSerializer(serializers.ModelSerializer[CapacityRequest]):
    """One request as the API answers it. `tokens_per_minute` is None where Azure states no rate."""

    service = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    deployment = serializers.CharField(source="deployment.name")
    account = serializers.CharField(source="deployment.account.name")
    requester = serializers.CharField(source="requester.username")
    tokens_per_minute = serializers.SerializerMethodField()
    url = serializers.HyperlinkedIdentityField(view_name="api_burst_request")

    class Meta:
        model = CapacityRequest
        fields = [
            "id", "url", "service", "account", "deployment", "units", "tokens_per_minute",
            "starts_at", "ends_at", "occasion", "purpose", "accepts_provisioned_release",
            "state", "requester", "submitted_at", "decided_at",
        ]  # fmt: skip

    def get_tokens_per_minute(self, request: CapacityRequest) -> int | None:
        return request.deployment.rate.tokens(request.units)


class DraftSerializer(serializers.Serializer[Draft]):
    """What is posted. Shapes are checked here, rules in the service."""

    service = serializers.CharField(max_length=60)
    deployment = serializers.CharField(max_length=130, required=False)
    units = serializers.IntegerField(required=False, max_value=LARGEST)
    tokens_per_minute = serializers.IntegerField(required=False, max_value=LARGEST)
    requests_per_minute = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST)
    starts_at = MomentField()
    ends_at = MomentField()
    occasion = serializers.CharField(max_length=20)
    purpose = serializers.CharField(max_length=2_000)
    accepts_provisioned_release = serializers.BooleanField(default=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if ("units" in data) == bool({"tokens_per_minute", "requests_per_minute"} & set(data)):
            raise serializers.ValidationError(
                "Give either units, or tokens_per_minute with or without requests_per_minute."
            )
        return data

    def draft(self, service: Service) -> Draft:
        data = dict(self.validated_data)
        deployment = deployment_of(service, data.pop("deployment", None))
        tokens = data.pop("tokens_per_minute", 0)
        requests = data.pop("requests_per_minute", 0)
        if "units" not in data:
            data["units"] = _units(deployment, Asked(tokens, requests))
        return Draft(**{**data, "service": service, "deployment": deployment})


class NewestFirst(CursorPagination):
    ordering = ("-submitted_at", "-id")
    page_size = 50


class BurstRequests(generics.ListCreateAPIView[CapacityRequest]):
    """GET: what this person may see, newest first; `?state=` and `?service=` narrow it.

    POST: asks for a burst, 201 with the request as it stands then: approved, or in review.
    """

    serializer_class = BurstRequestSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[CapacityRequest]:
        rows = visible_requests(self.request)
        if state := self.request.query_params.get("state"):
            if state not in list(RequestState):
                known = ", ".join(RequestState)
                raise serializers.ValidationError({"state": f"Unknown; choose one of {known}."})
            rows = rows.filter(state=state)
        if slug := self.request.query_params.get("service"):
            rows = rows.filter(service__slug=slug)
        return rows

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        posted = DraftSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        service = visible_service(request.user, posted.validated_data["service"])
        sent = submit(posted.draft(service), by=request.user, at=now())
        answer = self.get_serializer(visible_requests(request).get(pk=sent.pk)).data
        headers = {"Location": answer["url"]}
        return Response(answer, status=status.HTTP_201_CREATED, headers=headers)


class BurstRequest(generics.RetrieveAPIView[CapacityRequest]):
    serializer_class = BurstRequestSerializer

    def get_queryset(self) -> QuerySet[CapacityRequest]:
        return visible_requests(self.request)


def visible_requests(request: Request) -> QuerySet[CapacityRequest]:
    """What this person may see, with everything that an answer prints."""
    rows = CapacityRequest.objects.visible_to(request.user)
    return with_names(rows).select_related("deployment__account")


def deployment_of(service: Service, name: str | None) -> Deployment:
    """By `name`, or `account/name` where two accounts use one name; may be left out when alone."""
    found = grantable_deployments(service)
    if name is not None:
        found = [d for d in found if name in (d.name, str(d))]
    if len(found) == 1:
        return found[0]
    if not found and name is not None:
        raise Http404
    choices = ", ".join(str(d) for d in found) or "none that a quota pool feeds"
    raise serializers.ValidationError({"deployment": f"Name one. This service has: {choices}."})


def _units(deployment: Deployment, asked: Asked) -> int:
    if amount_word(deployment) != "TPM":
        sentence = "This deployment is not counted in tokens per minute; give units."
        raise serializers.ValidationError({"tokens_per_minute": sentence})
    return units_of(deployment, asked)
