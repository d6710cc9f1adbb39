"""Search over everything that has a name or a number; a single hit is opened at once."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from quotas.selectors.search import only_hit
from quotas.selectors.search import search as find

LONGEST = 100  # characters that are looked for


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").replace("\0", "")[:LONGEST].strip()
    found = find(request.user, text)
    if hit := only_hit(found):
        return redirect(hit.url)
    return render(request, "portal/search.html", {"search_text": text, "found": found})
