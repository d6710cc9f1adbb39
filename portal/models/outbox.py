"""What people are told: one notice for each event, a message for each person, letters by mail.

All rows of an event are written in the transaction of the event itself, so nothing is told of what
was rolled back and nothing that happened is forgotten. Messages are read in the portal and always
written; a letter is a mail that waits to be sent, with one message in it or a day's.
"""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from portal.models.people import User


class MailMode(models.TextChoices):
    """What a person gets by mail of one kind of event; in the portal they are told always."""

    OFF = "off", "No mail"
    DIGEST = "digest", "Once a day"
    AT_ONCE = "at_once", "At once"


class Notice(models.Model):
    """One event. `key` makes it one only, however often a task runs again (I10)."""

    key = models.CharField(max_length=200, unique=True)
    event = models.CharField(max_length=40)  # a word of portal.outbox.kinds.Event
    at = models.DateTimeField()
    subject = models.CharField(max_length=120)  # "request/12", as in the audit
    url = models.CharField(max_length=300)  # a path of the portal
    facts = models.JSONField(default=dict)  # what the sentence needs: texts, numbers, ISO times

    class Meta:
        indexes = [models.Index(fields=["subject"])]

    def __str__(self) -> str:
        return self.key


class Letter(models.Model):
    """A mail to one person.

    `sending` is written before the mail server is handed anything: whoever finds it there later
    knows that it may have gone out, and never sends it a second time.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        UNSURE = "unsure", "Perhaps sent"  # the sender died, or the line, in the very middle
        GIVEN_UP = "given_up", "Given up"
        NOT_NEEDED = "not_needed", "No longer needed"

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="letters"
    )
    is_digest = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    taken_at = models.DateTimeField(null=True)  # real time: a sender is dead after a while
    ended_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)  # what the mail server said last

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state__in=["waiting", "sending"]),
                name="letters_to_send",
            ),
            models.Index(
                fields=["ended_at"],
                condition=Q(state__in=["unsure", "given_up"]),
                name="letters_that_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"letter {self.pk}, {self.state}"


class MessageQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def visible_to(self, user: "User") -> Self:
        """A message is its person's own; no role reads another's."""
        return self.filter(person=user)

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)

    def for_digest(self) -> Self:
        return self.filter(mail=MailMode.DIGEST, letter__isnull=True)


class Message(models.Model):
    """One notice, told to one person."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="messages")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="messages_told"
    )
    read_at = models.DateTimeField(null=True)
    # As the person wished when it was told; a later wish changes nothing of what was told before.
    mail = models.CharField(max_length=8, choices=MailMode.choices, default=MailMode.OFF)
    letter = models.ForeignKey(
        Letter, null=True, on_delete=models.SET_NULL, related_name="messages"
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "person"], name="one_message_per_notice_and_person"
            )
        ]
        indexes = [
            models.Index(fields=["person", "-id"], name="messages_of_a_person"),
            models.Index(
                fields=["person"], condition=Q(read_at__isnull=True), name="unread_messages"
            ),
            models.Index(
                fields=["person"],
                condition=Q(mail="digest", letter__isnull=True),
                name="messages_for_a_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice} to {self.person_id}"


class MailWish(models.Model):
    """What a person wants by mail of one kind of event; without a row, the kind's default."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mail_wishes"
    )
    event = models.CharField(max_length=40)
    mode = models.CharField(max_length=8, choices=MailMode.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "event"], name="one_wish_per_event")
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.mode}"
