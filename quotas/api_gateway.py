"""The feed of limits for gateways other than API Management, and what people decide about the
product that Headroom keeps itself.
"""

import hashlib
import json
from typing import Any

from django.http import Http404
from django.utils.http import parse_etags, quote_etag
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from quotas.limits_gateway import limits_gateway
from quotas.models import Deployment, Service
from quotas.selectors.gateway_page import (
    limits_json,
    operated_by,
    product_json,
    product_of,
    with_product,
)
from quotas.services import gateway_products


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


class ProductBody(serializers.Serializer[Any]):
    gateway_id = serializers.CharField(max_length=300)
    product_id = serializers.CharField(max_length=256)


class Product(APIView):
    """GET: the product in front of a deployment, with how far its limits are; for whoever reads
    everything or operates the pool. POST names one, by platform owners.
    """

    def get(self, request: Request, pk: int) -> Response:
        return Response(product_json(_product(request, pk), request.user, at=now()))

    def post(self, request: Request, pk: int) -> Response:
        deployment = _deployment(request, pk)
        body = ProductBody(data=request.data)
        body.is_valid(raise_exception=True)
        gateway_products.name_product(
            deployment, **body.validated_data, gateway=limits_gateway(), by=request.user, at=now()
        )
        told = product_json(_deployment(request, pk), request.user, at=now())
        return Response(told, status=status.HTTP_201_CREATED)


class AnswerProduct(APIView):
    """POST: `mode` switches it (`mode`, `reason`); `write-back` is the yes to write over the edit
    that is shown (`content`, `reason`); `look` has it looked at within half a minute.
    """

    verb = ""

    def post(self, request: Request, pk: int) -> Response:
        product = product_of(_product(request, pk))
        said = {name: str(request.data.get(name, "")) for name in ANSWERS[self.verb]}
        do = getattr(gateway_products, DONE_BY[self.verb])
        do(product, **said, by=request.user, at=now())
        return Response(product_json(_deployment(request, pk), request.user, at=now()))


ANSWERS = {"mode": ("mode", "reason"), "write-back": ("content", "reason"), "look": ()}
DONE_BY = {"mode": "switch_mode", "write-back": "write_back", "look": "look_now"}


def _deployment(request: Request, pk: int) -> Deployment:
    deployment, user = with_product(pk).first(), request.user
    if deployment is None or not (user.reads_everything or operated_by(user, deployment)):
        raise Http404
    return deployment


def _product(request: Request, pk: int) -> Deployment:
    deployment = _deployment(request, pk)
    if product_of(deployment) is None:
        raise Http404
    return deployment
