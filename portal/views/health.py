"""For machines: is the process alive, and can it do its work."""

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

from portal.readiness import pending_migrations


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """The process answers.

    Touches neither database nor broker, so that a database pause kills no web process.
    """
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """Database reachable and migrated, cache reachable. 503 with the reasons otherwise."""
    problems = [*_database_problems(), *_cache_problems()]
    return JsonResponse(
        {"ready": not problems, "problems": problems}, status=503 if problems else 200
    )


def _database_problems() -> list[str]:
    try:
        pending = pending_migrations()
    except DatabaseError as error:
        return [f"the database does not answer: {type(error).__name__}"]
    return [f"{pending} migrations are not applied: run manage.py migrate"] if pending else []


def _cache_problems() -> list[str]:
    try:
        cache.get("readiness")
    except Exception as error:  # any client error of the cache means the same to the caller
        return [f"the cache does not answer: {type(error).__name__}"]
    return []
