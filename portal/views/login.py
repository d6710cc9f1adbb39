"""Signing in with a local password; in the demo the page offers the people worth trying."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView

from portal import demo_people
from portal.environment import Mode


class SignIn(LoginView):
    template_name = "portal/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "demo_people": offered_people()}


def offered_people() -> list[dict[str, str]]:
    """Only in a demo: anywhere else a list of names and passwords would be a hole."""
    if settings.MODE != Mode.DEMO:
        return []
    return [
        {"username": username, "name": name, "role": does, "password": demo_people.PASSWORD}
        for username, name, does in demo_people.sign_ins()
    ]
