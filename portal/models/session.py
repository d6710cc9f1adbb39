"""Who is signed in where."""

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from portal.models.people import User


class Session(AbstractBaseSession):
    """Django's own session, that also names its person: one query reads both. None before they
    signed in.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from portal.sessions import SessionStore

        return SessionStore
