"""A letter as a mail: plain text and simple HTML of the same words, with links into the portal."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from portal.models import Letter
from portal.outbox.wording import Said, said, zone_of


@dataclass(frozen=True)
class Part:
    """One message of a letter; `url` is absolute, and marks the message as read on its way."""

    said: Said
    url: str


def compose(letter: Letter, *, now: datetime) -> EmailMultiAlternatives:
    """Ready to be sent. The same letter always has the same Message-ID."""
    person = letter.person
    zone = zone_of(person.time_zone)
    rows = letter.messages.select_related("notice").order_by("pk")
    parts = [Part(said(m.notice, zone, now=now), _absolute("message", m.pk)) for m in rows]
    facts = {
        "person": person,
        "parts": parts,
        "is_digest": letter.is_digest,
        "wishes_url": _absolute("mail_wishes"),
    }
    host = urlsplit(settings.HEADROOM_BASE_URL).hostname
    mail = EmailMultiAlternatives(
        subject=_subject(letter, parts),
        body=render_to_string("portal/mail/letter.txt", facts),
        to=[person.email],
        headers={
            "Message-ID": f"<headroom-letter-{letter.pk}@{host}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("portal/mail/letter.html", facts), "text/html")
    return mail


def _subject(letter: Letter, parts: list[Part]) -> str:
    if letter.is_digest:
        count = len(parts)
        return f"Headroom: {count} {'message' if count == 1 else 'messages'} since yesterday"
    return f"Headroom: {parts[0].said.title}"


def _absolute(name: str, *args: int) -> str:
    return settings.HEADROOM_BASE_URL + reverse(name, args=args)
