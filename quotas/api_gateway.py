"""The feed of limits for gateways other than API Management."""

import hashlib
import json

from django.http import Http404
from django.utils.http import parse_etags, quote_etag
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.models import Service
from quotas.selectors.gateway_page import limits_json, operated_by, with_product


class GatewayLimits(APIView):
    """GET: what each service may use of a deployment now, and when that will be another. Whoever
    reads everything or operates the pool sees every service, others those of their teams.

    With an ETag of what is told: a feed that asks with If-None-Match is answered 304 until
    something changes.
    """

    def get(self, request: Request, pk: int) -> Response:
        deployment, user = with_product(pk).first(), request.user
        if deployment is None:
            raise Http404
        sees = None
        if not (user.reads_everything or operated_by(user, deployment)):
            sees = set(Service.objects.visible_to(user).values_list("pk", flat=True))
        told = limits_json(deployment, sees=sees, at=now())
        if told is None:
            raise Http404
        mark = quote_etag(hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32])
        headers = {"ETag": mark, "Cache-Control": "private, no-cache"}
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if mark in known or "*" in known:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return Response(told, headers=headers)
