"""The policy: what is in force, its versions, the draft of the next, its replay, publishing it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.access import must_read_everything, must_read_policy
from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.domain.policy_text import MOST_TEXT
from quotas.domain.policy_words import longest_in_words
from quotas.forms_policy import carry_out, document_of
from quotas.models import PolicyVersion
from quotas.selectors import policy_page
from quotas.selectors.policy import low_risk_words
from quotas.selectors.policy_fields import PolicyFields
from quotas.selectors.policy_replay_page import replay_page
from quotas.services import policy, policy_drafts
from quotas.services.refusals import refuse


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    user, at = must_read_policy(request), now()
    number, rules = policy.current(at=at)
    versions = policy_page.published()
    context = {
        "number": number,
        "rules": policy_page.rules_in_words(rules),
        "longest": longest_in_words(rules),
        "low_risk": low_risk_words(rules),
        "versions": policy_page.version_rows(versions, at=at),
        "draft": policy_drafts.open_draft() if user.reads_everything else None,
        "may_change": policy_drafts.may_change(user),
    }
    return render(request, "quotas/policy.html", context)


@require_GET
def version(request: HttpRequest, number: int) -> HttpResponse:
    must_read_policy(request)
    page = policy_page.version_page(number, at=now())
    if page is None:
        raise Http404
    trail = [*_trail(), (f"Version {number}", "")]
    return render(request, "quotas/policy/version.html", {"page": page, "trail": trail})


@require_GET
def download(request: HttpRequest, number: int) -> HttpResponse:
    """A published version as a YAML file."""
    must_read_policy(request)
    version = get_object_or_404(PolicyVersion, number=number)
    answer = HttpResponse(version.as_yaml(), content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="headroom-policy-{number}.yaml"'
    return answer


@posts_from("policy")
def load(request: HttpRequest) -> HttpResponse:
    """A YAML or JSON file becomes the draft, right or wrong: the page then says what is wrong."""
    user = must_read_everything(request)
    file = request.FILES.get("file")
    if file is None:
        raise refuse("file_missing", "Choose a YAML or JSON file first. Nothing was changed.")
    text = _text_of(file)
    seen = _seen(request) if request.POST.get("seen") else None
    policy_drafts.take_in(text, seen=seen, by=user, at=now())
    messages.success(request, "The file is the draft now. It is not in force yet.")
    return redirect("policy_draft")


def _text_of(file: UploadedFile) -> str:
    """Raises DomainError for what is too long, or no text."""
    if (file.size or 0) > 4 * MOST_TEXT:
        raise refuse("too_large", f"A policy has {MOST_TEXT:,} characters at most.")
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("not_text", "The file is not written in UTF-8. Nothing was changed.") from None


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    policy_drafts.begin(by=must_read_everything(request), at=now())
    return redirect("policy_draft")


@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: HttpRequest) -> HttpResponse:
    """GET: the draft as fields. POST: keeps what was typed, and adds, removes or moves a part."""
    must_read_everything(request)
    found = policy_drafts.open_draft()
    if found is None:
        return _no_draft(request)
    if request.method != "POST":
        return _page(request, found, found.content, note=found.note)
    document, note = document_of(request.POST), request.POST.get("note", "")
    action = request.POST.get("do", "save")
    place = carry_out(document, action) if action != "save" else ""
    try:
        policy_drafts.save(document, note=note, seen=_seen(request), by=request.user, at=now())
    except DomainError as error:
        return _page(request, found, document, note=note, error=error)
    if not place:
        messages.success(request, "The draft is kept. It is not in force yet.")
    return redirect(reverse("policy_draft") + (f"#{place.replace('.', '-')}" if place else ""))


@require_GET
def replay(request: HttpRequest) -> HttpResponse:
    """The draft on the last 90 days: a page, or the few lines of it for the page of the draft."""
    must_read_everything(request)
    found = policy_drafts.open_draft()
    if found is None:
        return _no_draft(request)
    rules = policy_drafts.check(found.content, at=now())
    context = {"replay": replay_page(rules, at=now()), "trail": [*_draft_trail(), ("Replay", "")]}
    name = "quotas/policy/_replay_answer.html" if request.htmx else "quotas/policy/replay.html"
    return render(request, name, context)


@require_POST
def discard(request: HttpRequest) -> HttpResponse:
    user = must_read_everything(request)
    policy_drafts.discard(seen=_seen(request), by=user, at=now())
    messages.success(request, "The draft is discarded; the policy in force stays as it is.")
    return redirect("policy")


@require_POST
def publish(request: HttpRequest) -> HttpResponse:
    user = must_read_everything(request)
    published = policy_drafts.publish(seen=_seen(request), by=user, at=now())
    messages.success(request, f"Version {published.number} is in force for what is asked from now.")
    return redirect("policy")


def _no_draft(request: HttpRequest) -> HttpResponse:
    """To where one can be begun; what was typed was published or discarded by somebody."""
    messages.info(request, "There is no draft: none was begun, or it was published or discarded.")
    return redirect("policy")


def _seen(request: HttpRequest) -> datetime:
    """When the draft was last written, as the page that was sent had it."""
    try:
        return datetime.fromisoformat(request.POST.get("seen", ""))
    except ValueError:
        raise refuse("seen_missing", "Open the draft again, then send it from there.") from None


def _page(
    request: HttpRequest,
    found: PolicyVersion,
    document: dict[str, Any],
    *,
    note: str,
    error: DomainError | None = None,
) -> HttpResponse:
    at = now()
    problems = policy_drafts.problems_of(document, at=at)
    names = policy_page.user_names(document)
    _, in_force = policy.current(at=at)
    rules = None if problems else policy_drafts.check(document, at=at)
    changes = policy_page.differences(in_force, rules) if rules else []
    context = {
        "draft": found,
        "seen": found.edited_at.isoformat() if found.edited_at else "",
        "fields": PolicyFields(
            document, problems, names=names, currency=settings.HEADROOM_CURRENCY
        ),
        "problems": problems,
        "changes": changes,
        "note": note,
        "error": error,
        "may_change": policy_drafts.may_change(request.user),
        "wrote": request.user.pk in found.edited_by_ids,
        "writers": policy_page.names_of(found.edited_by_ids),
        "trail": [*_trail(), ("Draft", "")],
    }
    return render(request, "quotas/policy/draft.html", context, status=422 if error else 200)


def _trail() -> list[tuple[str, str]]:
    return [("Policy", reverse("policy"))]


def _draft_trail() -> list[tuple[str, str]]:
    return [*_trail(), ("Draft", reverse("policy_draft"))]
