"""What a form is about: a service and its deployment; and what it goes on with: a draft of one's
own, or an older request that is asked for again.
"""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors import burst_form
from quotas.services.checks import check_may_request
from quotas.services.refusals import breaks_residency, refuse
from quotas.views.requests import visible_request


def asked_for(
    request: HttpRequest, slug: str
) -> tuple[Service, Deployment, CapacityRequest | None]:
    """The service, its deployment that is chosen, and the source of the form.

    404 for another team's service; a sentence where this person or service cannot ask.
    """
    rows = Service.objects.visible_to(request.user).select_related("team", "owner").distinct()
    service = get_object_or_404(rows, slug=slug)
    check_may_request(request.user, service)
    chosen = request.POST.get("deployment") or request.GET.get("deployment")
    deployment = burst_form.deployment_named(service, chosen)
    if deployment is None:
        raise refuse(
            "no_pool",
            f"{service} has no deployment that a quota pool is known to feed, so there is nothing "
            "to ask for yet. The platform owners map deployments to services.",
        )
    if barred := breaks_residency(service, deployment):
        raise barred
    return service, deployment, source_of(request, service)


def own_draft(request: HttpRequest, pk: int) -> CapacityRequest:
    """404 for what is somebody else's, or was sent."""
    found = visible_request(request, pk)
    if found.state != RequestState.DRAFT:
        raise Http404
    return found


def source_of(request: HttpRequest, service: Service) -> CapacityRequest | None:
    """The draft that goes on (`?draft=`), or the request that is asked again (`?like=`).

    404 for one of another service, or that this person may not see.
    """
    for name in ("draft", "like"):
        if (text := request.GET.get(name, "")).isdecimal() and text.isascii():
            number = int(text[:18])
            found = (
                own_draft(request, number) if name == "draft" else visible_request(request, number)
            )
            if found.service_id != service.pk:
                raise Http404
            return found
    return None


def draft_of(source: CapacityRequest | None) -> CapacityRequest | None:
    """The source where it is a draft; None for one that is only asked again."""
    return source if source and source.state == RequestState.DRAFT else None


def kept_sentence(kept: CapacityRequest) -> str:
    return f"Kept as draft #{kept.pk}, for you alone; unsent, it is deleted after 30 days."
