"""What doors to actions have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

View = Callable[..., HttpResponse]


def posts_from(page: str, *given: str) -> Callable[[View], View]:
    """An action that the page `page` posts; `given` of its address are the page's too.

    A refusal answers at the action's own address. Whoever asks for that address again (a reload, a
    new tab) comes to the page, not to a refusal of the method; nothing is looked up for it.
    """

    def wrap(view: View) -> View:
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def answer(request: HttpRequest, **address: Any) -> HttpResponse:
            if request.method == "POST":
                return view(request, **address)
            return redirect(page, **{name: address[name] for name in given})

        return answer

    return wrap
