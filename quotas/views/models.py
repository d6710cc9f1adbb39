"""The register of models: what may be asked for, what retires, and the house's own rules."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_http_methods

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms_models import ModelRuleForm
from quotas.models import ModelRule
from quotas.selectors.models_page import models_page
from quotas.selectors.words import INPUT_FORMAT
from quotas.services.model_rules import add_rule, end_rule


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """GET: the register, and for platform owners the form. POST: one rule more."""
    start = now().astimezone(get_current_timezone()).strftime(INPUT_FORMAT)
    form = ModelRuleForm(request.POST or None, initial={"starts_at": start})
    if request.method != "POST":
        return _page(request, form)
    if not _is_added(request, form):
        return _page(request, form, status=422)
    messages.success(request, "Kept: whoever asks for the model is told from then on.")
    return redirect("models")


@posts_from("models")
def end(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(ModelRule, pk=pk)
    end_rule(rule, by=request.user, at=now())
    messages.success(request, f"Ended. What Azure says of {rule.model_name} holds again.")
    return redirect("models")


def _is_added(request: HttpRequest, form: ModelRuleForm) -> bool:
    """False: the form says why not, and nothing was written."""
    if not form.is_valid():
        return False
    try:
        add_rule(**form.values, by=request.user, at=now())
    except DomainError as error:
        form.refuse(error)
        return False
    return True


def _page(request: HttpRequest, form: ModelRuleForm, *, status: int = 200) -> HttpResponse:
    owns = request.user.is_platform_owner
    context = {"page": models_page(request.user, at=now()), "form": form if owns else None}
    return render(request, "quotas/models.html", context, status=status)
