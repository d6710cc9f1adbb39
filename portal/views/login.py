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
        return {**super().get_context_data(**kwargs), **demo()}


def demo() -> dict[str, Any]:
    """The people to try and their organisation; nothing outside a demo."""
    people = offered_people()
    if not people:
        return {}
    return {"demo_people": people, "demo_organisation": demo_people.organisation()["organisation"]}


def offered_people() -> list[dict[str, str]]:
    """Only in a demo: anywhere else a list of names and passwords would be a hole."""
    if settings.MODE != Mode.DEMO:
        return []
    return [
        {"username": username, "name": name, "role": does, "password": demo_people.PASSWORD}
        for username, name, does in demo_people.sign_ins()
    ]
