"""What a form goes on with: a draft of one's own, or an older request that is asked for again."""

from django.http import Http404, HttpRequest

from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Service
from quotas.views.requests import visible_request


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
