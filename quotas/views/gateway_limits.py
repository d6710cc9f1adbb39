"""Limits of services in the gateway of a shared deployment: the page, the file, what people decide.

Who reads everything, or operates the pool, sees them; who operates the pool decides.
"""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.domain.gateway_policy import NotOurs, with_limits
from quotas.forms_changes import AnswerForm
from quotas.forms_gateway import ProductForm
from quotas.limits_gateway import limits_gateway
from quotas.models import Deployment, GatewayProduct, Pool
from quotas.selectors.gateway_page import (
    gateway_page,
    operated_by,
    product_of,
    wanted_of,
    with_product,
)
from quotas.services import gateway_products

SWITCHED = {
    Pool.Mode.APPLY: "Applying is on: the limits are written within half a minute.",
    Pool.Mode.OBSERVE: "Observe only: what stands in API Management stays as it is.",
}


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _visible(request, pk), ProductForm(), AnswerForm())


@posts_from("gateway_limits", "pk")
def name(request: HttpRequest, pk: int) -> HttpResponse:
    deployment, form = _visible(request, pk), ProductForm(request.POST)
    if not form.is_valid():
        return _page(request, deployment, form, AnswerForm(), status=422)
    try:
        product = gateway_products.name_product(
            deployment, **form.cleaned_data, gateway=limits_gateway(), by=request.user, at=now()
        )
    except DomainError as error:
        form.refuse(error)
        return _page(request, deployment, form, AnswerForm(), status=422)
    messages.success(request, f"Named: {product}. Headroom reads it and writes nothing yet.")
    return redirect("gateway_limits", pk)


@posts_from("gateway_limits", "pk")
def mode(request: HttpRequest, pk: int) -> HttpResponse:
    chosen = request.POST.get("mode", "")

    def switch(product: GatewayProduct, **said: object) -> GatewayProduct:
        return gateway_products.switch_mode(product, mode=chosen, **said)  # type: ignore[arg-type]

    return _decided(request, pk, switch, SWITCHED.get(chosen, ""))


@posts_from("gateway_limits", "pk")
def write_back(request: HttpRequest, pk: int) -> HttpResponse:
    content = request.POST.get("content", "")

    def agree(product: GatewayProduct, **said: object) -> GatewayProduct:
        return gateway_products.write_back(product, content=content, **said)  # type: ignore[arg-type]

    return _decided(request, pk, agree, "Agreed: it is written at the next run.")


def _decided(
    request: HttpRequest, pk: int, service: Callable[..., object], said: str
) -> HttpResponse:
    deployment, form = _visible(request, pk), AnswerForm(request.POST)
    if not form.answers(service, _product(deployment), by=request.user, at=now()):
        return _page(request, deployment, ProductForm(), form, status=422)
    messages.success(request, said)
    return redirect("gateway_limits", pk)


@posts_from("gateway_limits", "pk")
def look(request: HttpRequest, pk: int) -> HttpResponse:
    product = _product(_visible(request, pk))
    gateway_products.look_now(product, by=request.user, at=now())
    messages.success(request, "It is looked at within half a minute.")
    return redirect("gateway_limits", pk)


@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The product's whole policy with the limits of now in it, to be put there by hand. Read from
    API Management this moment, and kept nowhere: other people's part may hold their secrets.
    """
    deployment = _visible(request, pk)
    if not operated_by(request.user, deployment):
        raise Http404
    product, wanted = product_of(deployment), wanted_of(deployment, at=now())
    if wanted.because:
        raise DomainError(f"{wanted.because} There is no file.", code="no_limits")
    read = limits_gateway().read_product_policy
    policy = read(product.gateway_id, product.product_id) if product else None
    try:
        text = with_limits(policy.xml if policy else "", wanted.limits)
    except NotOurs as error:
        raise DomainError(f"{error} Take them out there by hand first.", code="torn") from None
    answer = HttpResponse(text, content_type="application/xml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="gateway-limits-{pk}.xml"'
    return answer


def _page(
    request: HttpRequest,
    deployment: Deployment,
    product_form: ProductForm,
    form: AnswerForm,
    *,
    status: int = 200,
) -> HttpResponse:
    page = gateway_page(deployment, request.user, at=now())
    context = {"page": page, "product_form": product_form, "form": form}
    return render(request, "quotas/gateway_limits.html", context, status=status)


def _visible(request: HttpRequest, pk: int) -> Deployment:
    deployment = with_product(pk).first()
    user = request.user
    if deployment is None or not (user.reads_everything or operated_by(user, deployment)):
        raise Http404
    return deployment


def _product(deployment: Deployment) -> GatewayProduct:
    product = product_of(deployment)
    if product is None:
        raise Http404
    return product
