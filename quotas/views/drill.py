"""What if a region is lost: the page, and drafting what it would take."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from portal.doors import posts_from
from portal.kernel.clock import now
from quotas.selectors.drill import as_asked, regions_for
from quotas.selectors.drill_page import chosen_of, drill_page
from quotas.services.drill import Drafted, draft_bursts
from quotas.services.refusals import refuse


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    page = drill_page(request.user, request.GET.dict(), at=now())
    return render(request, "quotas/drill.html", {"page": page})


@posts_from("drill")
def draft(request: HttpRequest) -> HttpResponse:
    at = now()
    region, hours = chosen_of(request.POST.dict(), regions_for(request.user))
    if not region:
        raise refuse("no_region", "Choose the region that is lost.")
    found = as_asked(request.user, region, hours, at=at)
    done = draft_bursts(found, by=request.user, at=at)
    messages.success(request, said(done))
    if done.own:
        return redirect("requests")
    return redirect(f"{reverse('drill')}?{urlencode({'region': region, 'hours': hours})}")


def said(done: Drafted) -> str:
    parts = [
        f"{done.own} drafted for you, to read and send" if done.own else "",
        f"{done.of_others} drafted for those who answer for the services, who are told"
        if done.of_others
        else "",
    ]
    text = "; ".join(part for part in parts if part) + "."
    if done.left_out:
        text += f" Left out, as nobody who may ask is there: {', '.join(done.left_out)}."
    return text
