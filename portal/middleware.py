"""What each web request gets: an id of its own, the person, times in their own zone, and a note
that they are there."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from portal.kernel.clock import now
from portal.kernel.job import begin_job, end_job
from portal.models import User
from portal.sessions import person_of
from portal.sign_in import note_seen


class JobMiddleware:
    """A new id for each request, in our log lines, in calls to Azure and in the answer.

    Never one that came with the request: whoever sends it could forge lines of the log.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        job_id = begin_job()
        try:
            response = self.get_response(request)
        finally:
            end_job()
        response["X-Request-ID"] = job_id
        return response


class PersonMiddleware(AuthenticationMiddleware):
    """`request.user` comes with the session, not by a query of its own."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: person_of(request))  # type: ignore[assignment]


class LastSeenMiddleware:
    """Once a day one small write for each person; every other request costs a comparison.

    Twice: before the page, as who opens it is there again at once; and after it, as the API may
    know people by something else than a session, and does so by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _note(request)
        response = self.get_response(request)
        _note(request)
        return response


def _note(request: HttpRequest) -> None:
    if isinstance(request.user, User):
        note_seen(request.user, at=now())


class PersonTimeZoneMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone_of(request)):
            return self.get_response(request)


def _zone_of(request: HttpRequest) -> ZoneInfo:
    name = getattr(request.user, "time_zone", "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
