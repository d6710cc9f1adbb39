"""Who decides in whose place: one's own delegations, and the fallback approvers of a pool."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_http_methods

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms_people import DelegationForm, ReviewsForm, as_typed
from quotas.models import Delegation, Pool
from quotas.selectors import words
from quotas.selectors.delegations import delegation_rows, has_something_to_delegate
from quotas.selectors.review_hours import reviews_of
from quotas.selectors.words import INPUT_FORMAT
from quotas.services.delegations import delegate, end_delegation
from quotas.services.refusals import refuse
from quotas.services.review_settings import set_reviews


@require_http_methods(["GET", "HEAD", "POST"])
def delegations(request: HttpRequest) -> HttpResponse:
    """GET: the list and the form. POST: one more."""
    form = DelegationForm(request.POST or None, user=request.user, at=now(), initial=_next_week())
    if request.method != "POST":
        return _delegations_page(request, form)
    if form.is_valid() and _is_given(request, form):
        messages.success(request, f"{form.cleaned_data['to'].display_name} is told.")
        return redirect("delegations")
    return _delegations_page(request, form, status=422)


@posts_from("delegations")
def end(request: HttpRequest, pk: int) -> HttpResponse:
    given = get_object_or_404(Delegation.objects.visible_to(request.user), pk=pk)
    end_delegation(given, by=request.user, at=now())
    messages.success(request, "Ended: from now on nobody decides by it. What was decided stands.")
    return redirect("delegations")


@require_http_methods(["GET", "HEAD", "POST"])
def reviews(request: HttpRequest, pk: int) -> HttpResponse:
    """Fallback approvers and business hours of a pool."""
    pool = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)
    if not Pool.objects.operated_by(request.user).filter(pk=pk).exists():
        raise refuse("not_yours", "Only an owner of the pool sets who decides, and when.")
    form = ReviewsForm(request.POST or None, at=now(), initial=as_typed(reviews_of(pool), pool))
    if request.method == "POST" and form.is_valid() and _are_set(request, form, pool):
        messages.success(request, f"Set: {reviews_of(pool).in_words()}.")
        return redirect("pool", pk=pk)
    context = {
        "form": form,
        "pool": pool,
        "pool_name": words.pool_name(pool),
        "trail": words.pool_trail(pool, "Reviews"),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "quotas/reviews.html", context, status=status)


def _next_week() -> dict[str, str]:
    """From this minute, a week long."""
    start = now().astimezone(get_current_timezone())
    ends = start + timedelta(days=7)
    return {"starts_at": start.strftime(INPUT_FORMAT), "ends_at": ends.strftime(INPUT_FORMAT)}


def _is_given(request: HttpRequest, form: DelegationForm) -> bool:
    """False: the form says why not, and nothing was written."""
    data = form.cleaned_data
    try:
        delegate(
            data["to"],
            form.window,
            by=request.user,
            at=now(),
            pool=data["pool"],
            reason=data["reason"],
        )
    except DomainError as error:
        form.refuse(error)
        return False
    return True


def _are_set(request: HttpRequest, form: ReviewsForm, pool: Pool) -> bool:
    try:
        people = form.cleaned_data["fallback"]
        set_reviews(pool, form.reviews, fallback=people, by=request.user, at=now())
    except DomainError as error:
        form.refuse(error)
        return False
    return True


def _delegations_page(
    request: HttpRequest, form: DelegationForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "form": form if has_something_to_delegate(request.user) else None,
        "rows": delegation_rows(request.user, at=now()),
    }
    return render(request, "quotas/delegations.html", context, status=status)
