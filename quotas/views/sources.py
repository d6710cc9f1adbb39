"""What a form is about: a service and its deployment; and what it goes on with: a draft of one's
own, or an older request that is asked for again.
"""

from dataclasses import dataclass
from datetime import UTC, timedelta
from urllib.parse import parse_qsl

from django.http import Http404, HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors import burst_form
from quotas.selectors.offered import written
from quotas.selectors.services import visible_service
from quotas.services.checks import check_may_request
from quotas.services.refusals import refuse
from quotas.views.requests import visible_request

SETTABLE = {
    "deployment",
    "direction",
    "amount",
    "requests_per_minute",
    "starts_at",
    "starts_now",
    "ends_at",
}


@dataclass(frozen=True)
class Subject:
    """What a form is about. `others`: the service's deployments that could be asked of, this one
    among them. `source`: the draft that goes on, or the request that is asked for again.
    """

    service: Service
    deployment: Deployment
    others: tuple[Deployment, ...] = ()
    source: CapacityRequest | None = None


def asked_for(request: HttpRequest, slug: str) -> Subject:
    """The service of the address, its deployment that is chosen, and the source of the form.

    404 for another team's service; a sentence where this person or service cannot ask.
    """
    found, may_ask = burst_form.deployments_to_ask_of(request.user, slug)
    chosen = set_by_button(request).get("deployment") or request.POST.get("deployment")
    deployment = burst_form.deployment_named(found, chosen or request.GET.get("deployment"))
    if deployment is None or not may_ask:
        raise _nothing_to_ask_of(request, slug)
    service = deployment.service
    return Subject(service, deployment, tuple(found), source_of(request, service))


def _nothing_to_ask_of(request: HttpRequest, slug: str) -> DomainError:
    service = visible_service(request.user, slug)
    check_may_request(request.user, service)
    return refuse(
        "no_pool",
        f"{service} has no deployment that a quota pool is known to feed, so there is nothing "
        "to ask for yet. The platform owners map deployments to services.",
    )


def set_by_button(request: HttpRequest) -> dict[str, str]:
    """What a preset or an alternative fills in: fields and values, as a query in the value of the
    button. `minutes` is a length from the start that is typed.
    """
    found = dict(parse_qsl(request.POST.get("set", ""), keep_blank_values=True))
    minutes = found.pop("minutes", "")
    known = {name: value for name, value in found.items() if name in SETTABLE}
    if minutes.isdecimal() and minutes.isascii() and (end := _end(request, int(minutes[:6]))):
        known["ends_at"] = end
    return known


def _end(request: HttpRequest, minutes: int) -> str | None:
    """The length is of real time, whatever the clocks do (I14). None where no start is typed."""
    typed = None if request.POST.get("starts_now") else request.POST.get("starts_at")
    try:
        start = parse_datetime(typed) if typed else now()
    except ValueError:
        return None
    if start is None:
        return None
    start = make_aware(start) if is_naive(start) else start
    return written(start.astimezone(UTC) + timedelta(minutes=minutes))


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
