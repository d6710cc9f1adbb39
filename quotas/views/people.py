"""The people of the organisation, and their import out of a file."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.kernel.clock import now
from portal.models import User
from quotas.domain.people_csv import COLUMNS
from quotas.forms_import import PeopleForm
from quotas.selectors.people_page import people_page
from quotas.services.people_import import ImportPlan, import_people, plan_import
from quotas.services.refusals import refuse


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    user = _must_see_people(request)
    context = {
        "page": people_page(request.GET.dict(), at=now()),
        "gone_after": settings.HEADROOM_GONE_AFTER_DAYS,
        "may_import": user.manages_people,
    }
    return render(request, "quotas/people.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def load(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST: what the file would change; with `import` it is written."""
    user = _must_see_people(request)
    if not user.manages_people:
        raise refuse("not_yours", "Only platform owners and administrators import people.")
    if request.method != "POST":
        return _answer(request, PeopleForm())
    form = PeopleForm(request.POST, request.FILES)
    if not form.is_valid():
        return _answer(request, form, status=422)
    content = form.content
    if "import" not in request.POST:
        found = plan_import(content, by=user, at=now())
        shown = PeopleForm(initial={"text": content.decode("utf-8", "replace")})
        return _answer(request, shown, found=found, status=422 if found.problems else 200)
    found = import_people(content, by=user, at=now())
    if found.problems:
        return _answer(request, PeopleForm(), found=found, status=422)
    messages.success(request, _words(found))
    return redirect("people")


def _must_see_people(request: HttpRequest) -> User:
    user = request.user
    if not (isinstance(user, User) and user.sees_people):
        raise Http404
    return user


def _answer(
    request: HttpRequest, form: PeopleForm, *, found: ImportPlan | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "found": found,
        "columns": COLUMNS,
        "trail": [("People", reverse("people")), ("Import", "")],
    }
    return render(request, "quotas/people_import.html", context, status=status)


def _words(found: ImportPlan) -> str:
    if not found.changes:
        return "The file says what is known already: nothing changed."
    counts = (
        (len(found.added), "added"),
        (len(found.changed), "changed"),
        (len(found.deactivated), "deactivated"),
    )
    return "People: " + ", ".join(f"{count:,} {word}" for count, word in counts if count) + "."
