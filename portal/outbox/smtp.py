"""Django's SMTP backend, which remembers whether the server may have taken the mail."""

import smtplib
from typing import Any

from django.core.mail.backends.smtp import EmailBackend


class _Watched:
    """`may_have_been_taken` from the moment at which the mail's own text goes out.

    What fails before that was certainly not delivered and may be sent again.
    """

    may_have_been_taken = False

    def data(self, msg: Any) -> Any:
        self.may_have_been_taken = True
        return super().data(msg)  # type: ignore[misc]


class _WatchedSMTP(_Watched, smtplib.SMTP):
    pass


class _WatchedSMTPS(_Watched, smtplib.SMTP_SSL):
    pass


class CarefulBackend(EmailBackend):
    @property
    def connection_class(self) -> type:  # type: ignore[override]
        return _WatchedSMTPS if self.use_ssl else _WatchedSMTP

    @property
    def may_have_been_taken(self) -> bool:
        return bool(self.connection and self.connection.may_have_been_taken)

    def forget_what_was_taken(self) -> None:
        """Before each mail of a connection."""
        if self.connection:
            self.connection.may_have_been_taken = False
