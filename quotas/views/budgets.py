"""Budgets of teams: who has how much a month, and setting one from a month on."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from portal.access import must_read_everything
from portal.kernel.clock import now
from quotas.forms_budgets import BudgetForm
from quotas.models import Team
from quotas.selectors import words
from quotas.selectors.budgets import budget_list, budget_of, may_set_budgets, month_of
from quotas.services.budgets import set_budget
from quotas.services.refusals import refuse


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    user, at = must_read_everything(request), now()
    context = {
        "found": budget_list(request.GET.dict(), at=at),
        "month": f"{month_of(at):%B %Y}",
        "may_set": may_set_budgets(user),
    }
    return render(request, "quotas/budgets.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, team: str) -> HttpResponse:
    user, at = must_read_everything(request), now()
    found = get_object_or_404(Team, slug=team)
    if not may_set_budgets(user):
        raise refuse("not_yours", "Only finance and platform owners set budgets.")
    has = budget_of(found, at=at)
    form = BudgetForm(request.POST or None, this=month_of(at), initial={"amount": has})
    if request.method == "POST" and form.is_valid():
        amount = form.cleaned_data["amount"]
        set_budget(found, amount=amount, from_month=form.month, by=user, at=at)
        said = f"{words.money(amount)} a month" if amount is not None else "no budget"
        messages.success(request, f"{found} has {said} from {form.month:%B %Y}.")
        return redirect("team_budgets")
    context = {
        "team": found,
        "form": form,
        "now_has": words.money(has),
        "currency": settings.HEADROOM_CURRENCY,
        "trail": [("Budgets", reverse("team_budgets")), (found.name, "")],
    }
    status = 422 if form.is_bound else 200
    return render(request, "quotas/budget.html", context, status=status)
