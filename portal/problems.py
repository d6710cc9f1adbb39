"""The one place where an error becomes an answer: a page or fragment for people, problem+json for
machines.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from portal.kernel.errors import CloudError, DomainError, GatewayChanged

PROBLEM_JSON = "application/problem+json"


def status_of(error: DomainError) -> int:
    """409 where somebody was quicker, here or in Azure, 502 where Azure did not do it, else 422:
    understood but refused.
    """
    if error.code in ("changed_meanwhile", GatewayChanged.code):
        return status.HTTP_409_CONFLICT
    if isinstance(error, CloudError):
        return status.HTTP_502_BAD_GATEWAY
    return status.HTTP_422_UNPROCESSABLE_ENTITY


class DomainErrorMiddleware:
    """Turns a `DomainError` that a view let through into a page that says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        template = (
            "components/problem.html" if request.headers.get("HX-Request") else "problem.html"
        )
        context = {"sentence": error.sentence, "code": error.code}
        answer = render(request, template, context, status=status_of(error))
        if request.headers.get("HX-Request"):
            # What was typed stays; the sentence goes to its place in templates/base.html.
            answer["HX-Retarget"], answer["HX-Reswap"] = "#problems", "innerHTML"
        return answer


def api_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """RFC 9457 for every error of the API. Anything unknown is left to Django (500)."""
    if isinstance(error, DomainError):
        return _problem(status_of(error), error.code, error.sentence)
    if isinstance(error, Http404):
        return _problem(404, "not_found", "There is no such object, or you may not see it.")
    if isinstance(error, PermissionDenied):
        return _problem(403, "forbidden", "Your roles do not allow this.")
    answer = exception_handler(error, context)
    if answer is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        return _problem(400, "invalid", "Some fields need another value.", errors=error.detail)
    detail = getattr(error, "detail", "")
    return _problem(answer.status_code, getattr(detail, "code", "refused"), str(detail))


def _problem(code: int, name: str, sentence: str, **more: Any) -> Response:
    body = {"type": f"about:blank#{name}", "title": sentence, "status": code, "code": name, **more}
    return Response(body, status=code, content_type=PROBLEM_JSON)
