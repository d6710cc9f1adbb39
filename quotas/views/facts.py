"""Changing what is known of a service."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.kernel.clock import now
from portal.kernel.errors import ChangedMeanwhile, DomainError
from quotas.forms_facts import FactsForm
from quotas.selectors.facts import names_of
from quotas.selectors.onboarding import may_name_owners
from quotas.selectors.services import visible_service
from quotas.services.facts import change_facts, not_yours_to_change


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """404 for another team's service; a sentence where this person may not."""
    service = visible_service(request.user, slug)
    if not may_name_owners(service, request.user):
        raise not_yours_to_change(service)
    form = FactsForm(request.POST or None, service=service, user=request.user)
    if form.is_bound:
        form = _unsaved(request, form)
        if form is None:
            return redirect(service)
    context = {
        "form": form,
        "service": service,
        "trail": [(service.name, service.get_absolute_url()), ("Facts", "")],
    }
    return render(request, "quotas/facts.html", context, status=422 if form.is_bound else 200)


def _unsaved(request: HttpRequest, form: FactsForm) -> FactsForm | None:
    """None: it is saved. Else the form that says why not, and nothing was written."""
    if not form.is_valid():
        return form.on_what_is_now() if form.is_stale else form
    changes = form.changes()
    try:
        change_facts(
            form.service, changes, as_seen=form.cleaned_data["seen"], by=request.user, at=now()
        )
    except ChangedMeanwhile:
        return form.on_what_is_now()
    except DomainError as error:
        form.refuse(error)
        return form
    said = f"{form.service}: {names_of(changes)} changed." if changes else "Nothing was changed."
    messages.success(request, said)
    return None
