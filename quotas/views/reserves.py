"""What is kept back in a pool: the form, its live answer, and setting it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms_pools import ReserveForm
from quotas.models import Pool
from quotas.selectors import words
from quotas.selectors.pool_rates import pool_rate
from quotas.selectors.reserves import may_set_reserve, reserve_part
from quotas.services.refusals import refuse
from quotas.services.reserves import most_reserve, set_reserve


@require_http_methods(["GET", "HEAD", "POST"])
def reserve(request: HttpRequest, pk: int) -> HttpResponse:
    pool = _pool(request, pk)
    form = ReserveForm(
        request.POST or None,
        pool=pool,
        rate=pool_rate(pool),
        initial={"amount": f"{pool.reserve_units:,}", "counted_in": "units"},
    )
    if request.method != "POST":
        return _page(request, form)
    if not _is_set(request, form):
        return _page(request, form, status=422)
    messages.success(request, f"{form.rate.in_words(form.units)} are kept back from now on.")
    return redirect("pool", pk=pk)


@require_GET
def reserve_check(request: HttpRequest, pk: int) -> HttpResponse:
    """The fragment while someone types: the amount in units and tokens, and whether it may be."""
    pool = _pool(request, pk)
    form = ReserveForm(request.GET, pool=pool, rate=pool_rate(pool))
    del form.fields["reason"]
    form.check(at=now())
    return render(request, "quotas/reserve/_check.html", _answer(form))


def _pool(request: HttpRequest, pk: int) -> Pool:
    pool = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)
    if not may_set_reserve(pool, request.user):
        raise refuse(
            "not_yours",
            "Only a platform owner sets what is kept back, and only in a pool that holds capacity.",
        )
    return pool


def _is_set(request: HttpRequest, form: ReserveForm) -> bool:
    """False: the form says why not, and nothing was written."""
    at = now()
    if not form.check(at=at):
        return False
    try:
        reason = form.cleaned_data["reason"]
        set_reserve(form.pool, units=form.units, reason=reason, by=request.user, at=at)
    except DomainError as error:
        form.refuse(error)
        return False
    return True


def _page(request: HttpRequest, form: ReserveForm, *, status: int = 200) -> HttpResponse:
    at, pool = now(), form.pool
    context = {
        **_answer(form),
        "pool": pool,
        "pool_name": words.pool_name(pool),
        "trail": words.pool_trail(pool, "Reserve"),
        "part": reserve_part(pool, form.rate, request.user, at=at),
    }
    return render(request, "quotas/reserve.html", context, status=status)


def _answer(form: ReserveForm) -> dict[str, object]:
    """`most` could be kept back; `asked` is what the field holds now, None where it is unclear."""
    at = now()
    most = most_reserve(form.pool, at=at)
    is_clear = form.is_bound and "amount" in form.cleaned_data
    return {
        "form": form,
        "most": form.rate.in_words(most.largest_units),
        "fullest": None if most.tightest_at == at else words.moment(most.tightest_at, now=at),
        "asked": form.rate.in_words(form.units) if is_clear else None,
    }
