"""The API of the register of models, and of the house's own rules."""

from typing import Any

from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api_fields import MomentField
from portal.kernel.clock import now
from quotas.models import ModelRule
from quotas.selectors.model_register import Registered, register_for
from quotas.services.model_rules import LONGEST_REASON, add_rule, end_rule


class RuleDraft(serializers.Serializer[Any]):
    """`version` left out: every version. `from` left out: now."""

    model = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=40, required=False, default="")
    allows = serializers.BooleanField()
    reason = serializers.CharField(max_length=LONGEST_REASON)
    successor = serializers.CharField(max_length=121, required=False, default="")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": MomentField(required=False)}


class Models(APIView):
    """GET: every version that Azure lists, listed, or that runs in what this person may see."""

    def get(self, request: Request) -> Response:
        return Response([_row(each) for each in register_for(request.user, at=now())])


class ModelRules(APIView):
    """POST: one more, in the place of an earlier one for the same; by platform owners."""

    def post(self, request: Request) -> Response:
        posted = RuleDraft(data=request.data)
        posted.is_valid(raise_exception=True)
        data, at = posted.validated_data, now()
        rule = add_rule(
            data["model"],
            data["version"],
            allows=data["allows"],
            starts_at=data.get("from", at),
            reason=data["reason"],
            successor=data["successor"],
            by=request.user,
            at=at,
        )
        return Response(_rule(rule), status=status.HTTP_201_CREATED)


class EndModelRule(APIView):
    """POST ends it now."""

    def post(self, request: Request, pk: int) -> Response:
        rule = generics.get_object_or_404(ModelRule.objects.all(), pk=pk)
        return Response(_rule(end_rule(rule, by=request.user, at=now())))


def _row(each: Registered) -> dict[str, Any]:
    return {
        "model": each.name,
        "version": each.version,
        "standing": each.judged.standing,
        "lifecycle": each.life.lifecycle or None,
        "retires_at": each.life.retires_at,
        "is_planned": each.life.is_planned,
        "successor": each.judged.successor or None,
        "deployments": [deployment.resource_id for deployment in each.deployments],
        "rule": _rule(each.rule) if each.rule else None,
        "next_rule": _rule(each.coming) if each.coming else None,
    }


def _rule(rule: ModelRule) -> dict[str, Any]:
    return {
        "id": rule.pk,
        "model": rule.model_name,
        "version": rule.model_version or None,
        "allows": rule.allows,
        "from": rule.effective_from,
        "reason": rule.reason,
        "successor": rule.successor or None,
        "recorded_by": rule.recorded_by.username,
        "ended_at": rule.ended_at,
    }
