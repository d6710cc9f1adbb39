"""Naming who answers for a service."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms_owners import OwnersForm
from quotas.models import Service
from quotas.selectors.onboarding import may_name_owners
from quotas.selectors.ownerless import owner_note
from quotas.selectors.services import visible_service
from quotas.services.owners import name_owners, not_yours_to_name


@require_http_methods(["GET", "HEAD", "POST"])
def name(request: HttpRequest, slug: str) -> HttpResponse:
    """404 for another team's service; a sentence where this person may not."""
    service = visible_service(request.user, slug)
    if not may_name_owners(service, request.user):
        raise not_yours_to_name(service)
    form = OwnersForm(request.POST or None, service=service, at=now())
    if request.method == "POST" and form.is_valid() and _are_named(request, form, service):
        messages.success(request, f"{service.owner.display_name} answers for {service} now.")
        return redirect(service)
    context = {
        "form": form,
        "service": service,
        "note": owner_note(service, at=now()),
        "trail": [(service.name, service.get_absolute_url()), ("Owner and deputy", "")],
    }
    return render(request, "quotas/owners.html", context, status=422 if form.is_bound else 200)


def _are_named(request: HttpRequest, form: OwnersForm, service: Service) -> bool:
    """False: the form says why not, and nothing was written."""
    chosen = form.cleaned_data
    try:
        name_owners(
            service, owner=chosen["owner"], deputy=chosen["deputy"], by=request.user, at=now()
        )
    except DomainError as error:
        form.refuse(error)
        return False
    return True
