"""The mail server, out of the environment: off unless `SMTP_URL` is set."""

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from portal.environment import Environment, SettingMissing

# By the scheme: (port where none is named, STARTTLS, TLS from the first byte).
SCHEMES = {
    "smtp": (587, True, False),
    "smtps": (465, False, True),
    "smtp+plain": (25, False, False),
}
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class MailServer:
    """Where mail goes. Without a `host` none is sent, and pages say so."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False
    sender: str = ""
    base_url: str = ""  # of the portal, for the links in mails; without a slash at its end

    @property
    def is_on(self) -> bool:
        return bool(self.host)


def mail_server(env: Environment) -> MailServer:
    """`smtp://user:password@host:587` (STARTTLS is required), `smtps://…` or `smtp+plain://…`.

    Ends the process with a sentence where the address, the sender or the portal's own is unusable.
    """
    text = env.text("SMTP_URL", "")
    if not text:
        return MailServer()
    url = urlsplit(text)
    if url.scheme not in SCHEMES or not url.hostname:
        raise SettingMissing(
            "SMTP_URL",
            "must be smtp://user:password@host:587, smtps://… (TLS from the start) or "
            "smtp+plain://host:25 (no encryption, for a relay on the same machine).",
        )
    port, starttls, tls = SCHEMES[url.scheme]
    if url.username and url.scheme == "smtp+plain":
        raise SettingMissing(
            "SMTP_URL", "would send its password unencrypted; use smtp:// or smtps:// instead."
        )
    return MailServer(
        host=url.hostname,
        port=_port(url) or port,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        starttls=starttls,
        tls=tls,
        sender=_sender(env),
        base_url=_base_url(env),
    )


def _port(url: SplitResult) -> int | None:
    try:
        return url.port
    except ValueError:
        raise SettingMissing("SMTP_URL", "has a port that is no number up to 65535.") from None


def _sender(env: Environment) -> str:
    value = env.text(
        "HEADROOM_MAIL_FROM", why="Mail is on (SMTP_URL), so name the address it comes from."
    )
    try:
        validate_email(value)
    except ValidationError:
        raise SettingMissing(
            "HEADROOM_MAIL_FROM", f"is {value!r}; it must be an address such as a@example.com."
        ) from None
    return value


def _base_url(env: Environment) -> str:
    value = env.text(
        "HEADROOM_BASE_URL",
        why="Mail is on (SMTP_URL), so say where its links lead: https://headroom.example.com.",
    ).rstrip("/")
    url = urlsplit(value)
    if url.scheme not in {"https", "http"} or not url.netloc or url.query or url.fragment:
        raise SettingMissing(
            "HEADROOM_BASE_URL",
            f"is {value!r}; it must be the address that people type: https://headroom.example.com.",
        )
    return value
