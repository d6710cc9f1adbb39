"""Shared deployments and their split rules."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.access import must_decide_sharing, must_read_everything
from portal.api_fields import MomentField
from portal.kernel.clock import now
from portal.kernel.windows import floor_to_hour
from quotas.selectors.metering import metered_deployments, service_names
from showback.api.shapes import Json, Slugs, rule_json, shared_json, shared_row_json, unknown_json
from showback.models import SplitRule
from showback.selectors.scope import label_of
from showback.selectors.shared_page import SharedPage, shared_page
from showback.selectors.shared_pages import shared_list
from showback.services.sharing import (
    end_sharing,
    end_split_rule,
    set_split_rule,
    share_deployment,
)

LONGEST_REASON = 300


class Begins(serializers.Serializer[Any]):
    """`from`: a whole hour, this one if left out; of the past with a `reason`."""

    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, default="")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": MomentField(required=False)}


class ShareDraft(Begins):
    deployment = serializers.CharField(max_length=500)


class ShareOfService(serializers.Serializer[Any]):
    service = serializers.CharField(max_length=60)
    basis_points = serializers.IntegerField(min_value=1, max_value=10_000)


class SplitDraft(Begins):
    until = MomentField(required=False, allow_null=True, default=None)
    shares = ShareOfService(many=True, allow_empty=False)


class SharedDeployments(APIView):
    """GET: each with its tokens of the running month by method. POST: marks one as shared."""

    def get(self, request: Request) -> Response:
        must_read_everything(request)
        page = shared_list(at=now())
        return Response(
            {
                "results": [shared_row_json(row) for row in page.rows],
                "unattributed_share": page.unattributed,
                "unknown_targets": [unknown_json(target) for target in page.unknown],
            }
        )

    def post(self, request: Request) -> Response:
        user, at = must_decide_sharing(request), now()
        draft = ShareDraft(data=request.data)
        draft.is_valid(raise_exception=True)
        data = draft.validated_data
        deployment = deployment_named(data["deployment"])
        start = data.get("from") or floor_to_hour(at)
        share_deployment(deployment, start=start, reason=data["reason"], by=user, at=at)
        return Response(_shared(deployment), status=status.HTTP_201_CREATED)


class Shared(APIView):
    """GET: one with its windows, callers, split rules and methods of the running month."""

    def get(self, request: Request, pk: int) -> Response:
        must_read_everything(request)
        return Response(_shared(pk))


class EndSharing(APIView):
    def post(self, request: Request, pk: int) -> Response:
        user, at = must_decide_sharing(request), now()
        _page(pk)
        end_sharing(pk, end=floor_to_hour(at), by=user, at=at)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SplitRules(APIView):
    """GET: newest first. POST: a rule from `from` on; the one that runs then ends."""

    def get(self, request: Request, pk: int) -> Response:
        must_read_everything(request)
        return Response({"results": _rules(pk)})

    def post(self, request: Request, pk: int) -> Response:
        user, at = must_decide_sharing(request), now()
        _page(pk)
        draft = SplitDraft(data=request.data)
        draft.is_valid(raise_exception=True)
        data = draft.validated_data
        rule = set_split_rule(
            pk,
            _shares(data["shares"]),
            start=data.get("from") or floor_to_hour(at),
            until=data["until"],
            reason=data["reason"],
            by=user,
            at=at,
        )
        told = next(each for each in _rules(pk) if each["id"] == rule.pk)
        return Response(told, status=status.HTTP_201_CREATED)


class EndSplitRule(APIView):
    def post(self, request: Request, pk: int, rule: int) -> Response:
        user, at = must_decide_sharing(request), now()
        get_object_or_404(SplitRule, pk=rule, deployment_id=pk)
        end_split_rule(rule, by=user, at=at)
        return Response(status=status.HTTP_204_NO_CONTENT)


def slugs() -> Slugs:
    return {name.id: name.slug for name in service_names().values()}


def service_id(slug: str) -> int:
    """Raises ValidationError, with a sentence."""
    found = {name.slug: name.id for name in service_names().values()}.get(slug)
    if found is None:
        raise serializers.ValidationError({"service": f"There is no service {slug}."})
    return found


def deployment_named(name: str) -> int:
    """By `account/name`, or by its id where two accounts share a name."""
    deployments = metered_deployments()
    found = [d.id for d in deployments if name.lower() in (label_of(d).lower(), str(d.id))]
    if len(found) == 1:
        return found[0]
    many = "Several deployments go by that name; give the id of one."
    none = "No deployment goes by that; give account/name."
    raise serializers.ValidationError({"deployment": many if found else none})


def _shares(rows: list[dict[str, Any]]) -> dict[int, int]:
    points = {service_id(row["service"]): row["basis_points"] for row in rows}
    if len(points) < len(rows):
        sentence = "A service is named twice; give it one share."
        raise serializers.ValidationError({"shares": sentence})
    return points


def _page(pk: int) -> SharedPage:
    page = shared_page(pk, at=now())
    if page is None:
        raise Http404
    return page


def _shared(pk: int) -> Json:
    return shared_json(_page(pk), slugs())


def _rules(pk: int) -> list[Json]:
    known = slugs()
    return [rule_json(rule, known) for rule in _page(pk).rules]
