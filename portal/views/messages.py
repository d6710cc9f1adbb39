"""What a person was told: the list, marking it read, and what comes by mail."""

from django.conf import settings
from django.contrib import messages as toasts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.models import MailMode
from portal.outbox.kinds import Event
from portal.outbox.reading import mark_read, messages_of, rows_of
from portal.outbox.wishes import keep_wishes, wishes_of
from quotas.selectors.paging import page


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Newest first; `?unread=1` leaves out what was read."""
    unread_only = request.GET.get("unread") == "1"
    found = page(messages_of(request.user, unread_only=unread_only), request.GET)
    context = {
        "found": found,
        "rows": rows_of(found.rows, get_current_timezone(), now=now()),
        "newest": found.rows[0].pk if found.rows else "",
        "unread_only": unread_only,
        "tabs": [
            {"label": "All", "url": "?", "active": not unread_only},
            {"label": "Unread", "url": "?unread=1", "active": unread_only},
        ],
        "mail_is_on": settings.HEADROOM_MAIL_IS_ON,
    }
    return render(request, "portal/messages.html", context)


@require_safe
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """On to what it is about. That it is read by then is no more than a bookmark of its person."""
    found = get_object_or_404(messages_of(request.user), pk=pk)
    mark_read(request.user, pk=pk, at=now())
    return redirect(found.notice.url)


@posts_from("messages")
def read(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(messages_of(request.user), pk=pk)
    mark_read(request.user, pk=pk, at=now())
    return redirect("messages")


@posts_from("messages")
def read_all(request: HttpRequest) -> HttpResponse:
    """All up to `newest`, the first one on the page that was looked at."""
    newest = request.POST.get("newest", "")
    if newest.isascii() and newest.isdecimal() and len(newest) < 19:
        count = mark_read(request.user, up_to=int(newest), at=now())
        toasts.success(request, f"{count} message{'' if count == 1 else 's'} marked as read.")
    return redirect("messages")


@require_http_methods(["GET", "HEAD", "POST"])
def mail_wishes(request: HttpRequest) -> HttpResponse:
    """A choice for each kind of event; one that is missing or odd stays as it is."""
    groups = wishes_of(request.user)
    if request.method == "POST":
        sent = {w.event: request.POST.get(w.event, "") for g in groups.values() for w in g}
        chosen = {Event(e): MailMode(m) for e, m in sent.items() if m in MailMode.values}
        keep_wishes(request.user, chosen)
        toasts.success(request, "Kept. It holds for what happens from now on.")
        return redirect("mail_wishes")
    context = {
        "groups": groups.items(),
        "modes": MailMode.choices,
        "mail_is_on": settings.HEADROOM_MAIL_IS_ON,
    }
    return render(request, "portal/mail_wishes.html", context)
