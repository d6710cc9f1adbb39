"""What the words mean. It holds no data, so one need not be signed in to read it."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.glossary import GROUPS


@login_not_required
@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/glossary.html", {"groups": GROUPS})
