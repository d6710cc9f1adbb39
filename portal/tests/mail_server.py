"""A real SMTP server on this machine that can refuse, be slow, and hang up in the middle."""

import asyncio
import email
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """`received` are the mails that it took. What it does wrong is set while it runs."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.answer_to_recipient = "250 OK"
        self.answer_to_data = "250 OK"
        self.seconds_before_answer = 0.0
        self.hangs_up_after_data = False

    @property
    def to(self) -> list[str]:
        return sorted(mail["To"] for mail in self.received)

    async def handle_RCPT(  # noqa: N802  the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.answer_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer_to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.seconds_before_answer)
        if self.answer_to_data.startswith("250"):
            self.received.append(email.message_from_bytes(envelope.content))
        if self.hangs_up_after_data:
            server.transport.close()
        return self.answer_to_data


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@contextmanager
def running(settings: Any) -> Iterator[MailServer]:
    """The portal sends through it while the block runs."""
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=_free_port())
    controller.start()
    settings.EMAIL_BACKEND = "portal.outbox.smtp.CarefulBackend"  # tests have one that keeps mails
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    settings.EMAIL_TIMEOUT = 5
    settings.DEFAULT_FROM_EMAIL = "headroom@example.com"
    settings.HEADROOM_BASE_URL = "https://headroom.example.com"
    settings.HEADROOM_MAIL_IS_ON = True
    try:
        yield server
    finally:
        controller.stop()
