"""Sends the letters that are due, each once, whatever the mail server or this process does.

A letter is marked `sending`, and that is committed, before the server is handed anything. What the
server refused, or what failed before the mail's own text went out, was certainly not delivered: it
waits, longer each time, and is given up after GIVE_UP_AFTER. Where the line, or the sender, broke
after that, nobody can know: the letter is "perhaps sent" and never sent again, as the message is in
the portal in any case. Both are told on the health page.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import QuerySet

from portal.kernel.clock import real_now
from portal.models import Letter
from portal.outbox.mails import compose
from portal.outbox.smtp import CarefulBackend

log = logging.getLogger(__name__)

BUDGET_SECONDS = 20.0
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=3)
# A sender is dead for sure: its task was ended long before (portal.tasks).
DEAD_AFTER = timedelta(minutes=15)
PERMANENT = 500
DIED = "The process that sent it ended in the middle. It is not sent again."
LINE_BROKE = "The line broke after the mail was handed over: {}. It is not sent again."
TOO_OLD = "It could not be sent for {} days."
NO_ADDRESS = "The person has no address, or no longer signs in."
State = Letter.State


@dataclass
class Run:
    """What one run did."""

    sent: int = 0
    postponed: int = 0
    ended: int = 0  # given up, perhaps sent, or no longer needed


class LineBroken(Exception):
    """The server hung up or gave no answer: the other letters wait for the next run."""


def deliver_due(*, at: datetime) -> Run:
    """Every letter that is due, until none is or the time budget is spent. Safe beside itself."""
    run = Run()
    if not settings.HEADROOM_MAIL_IS_ON:
        return run
    run.ended += end_the_dead(at=at) + end_the_old(at=at)
    if not due(at).exists():
        return run
    backend: CarefulBackend = get_connection()
    try:
        backend.open()
    except (SMTPException, OSError) as error:
        run.postponed += _postpone_all(_words(error), at=at)
        return run
    try:
        _send_all(backend, run, at=at)
    except LineBroken as error:
        log.warning("mail: %s", error)
    finally:
        backend.close()
    return run


def due(at: datetime) -> QuerySet[Letter]:
    return Letter.objects.filter(state=State.WAITING, not_before__lte=at)


def _send_all(backend: CarefulBackend, run: Run, *, at: datetime) -> None:
    deadline = time.monotonic() + BUDGET_SECONDS
    while time.monotonic() < deadline and (letter := take(at=at)):
        _send(letter, backend, run, at=at)


@transaction.atomic
def take(*, at: datetime) -> Letter | None:
    """What has been due longest, ours alone from here on; what others hold is skipped."""
    rows = due(at).select_related("person").select_for_update(skip_locked=True, of=("self",))
    letter = rows.order_by("not_before", "pk").first()
    if letter is None:
        return None
    letter.state, letter.taken_at = State.SENDING, real_now()
    letter.attempts += 1
    letter.save(update_fields=["state", "taken_at", "attempts"])
    return letter


def _send(letter: Letter, backend: CarefulBackend, run: Run, *, at: datetime) -> None:
    if not (letter.person.is_active and letter.person.email):
        run.ended += _end(letter, State.NOT_NEEDED, at=at, problem=NO_ADDRESS)
        return
    try:
        backend.forget_what_was_taken()
        backend.send_messages([compose(letter, now=at)])
    except Exception as error:  # whatever it is, the letter must not stay in the middle
        _failed(letter, error, backend, run, at=at)
    else:
        run.sent += _end(letter, State.SENT, at=at)


def _failed(
    letter: Letter, error: Exception, backend: CarefulBackend, run: Run, *, at: datetime
) -> None:
    words = _words(error)
    if _is_refusal(error):
        if _is_for_good(error):
            run.ended += _end(letter, State.GIVEN_UP, at=at, problem=words)
        else:
            run.postponed += _postpone(letter, words, at=at)
        return
    if backend.may_have_been_taken:
        problem = LINE_BROKE.format(words.rstrip("."))
        run.ended += _end(letter, State.UNSURE, at=at, problem=problem)
    else:
        run.postponed += _postpone(letter, words, at=at)
    if not isinstance(error, SMTPException | OSError):
        log.exception("letter %s", letter.pk)
    raise LineBroken(words)


def _is_refusal(error: Exception) -> bool:
    """The server said no: it has not taken the mail."""
    return isinstance(error, SMTPResponseException | SMTPRecipientsRefused)


def _is_for_good(error: Exception) -> bool:
    """Only of the receiver: what the server thinks of us may be mended by an operator."""
    if not isinstance(error, SMTPRecipientsRefused):
        return False
    return all(code >= PERMANENT for code, _ in error.recipients.values())


def _postpone(letter: Letter, problem: str, *, at: datetime) -> int:
    letter.state, letter.taken_at = State.WAITING, None
    letter.problem, letter.not_before = problem, at + wait_after(letter.attempts)
    letter.save(update_fields=["state", "taken_at", "problem", "not_before"])
    return 1


def _postpone_all(problem: str, *, at: datetime) -> int:
    """The server cannot be reached: every due letter waits, by its own number of attempts."""
    count = 0
    while letter := take(at=at):
        count += _postpone(letter, problem, at=at)
    log.warning("mail server: %s", problem)
    return count


def _end(letter: Letter, state: Letter.State, *, at: datetime, problem: str = "") -> int:
    letter.state, letter.ended_at, letter.problem = state, at, problem[:300]
    letter.save(update_fields=["state", "ended_at", "problem"])
    return 1


def wait_after(attempts: int) -> timedelta:
    """1 minute, doubled with each attempt, 4 hours at most."""
    doublings: int = min(attempts - 1, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def end_the_dead(*, at: datetime) -> int:
    """Letters whose sender is gone: they may have been sent, so they never are again."""
    rows = Letter.objects.filter(state=State.SENDING, taken_at__lt=real_now() - DEAD_AFTER)
    return rows.update(state=State.UNSURE, ended_at=at, problem=DIED)


@transaction.atomic
def end_the_old(*, at: datetime) -> int:
    """News of three days ago is no news."""
    rows = due(at).filter(created_at__lte=at - GIVE_UP_AFTER)
    count = 0
    for letter in rows.select_for_update(skip_locked=True):
        said = f" The last answer: {letter.problem}" if letter.problem else ""
        problem = TOO_OLD.format(GIVE_UP_AFTER.days) + said
        count += _end(letter, State.GIVEN_UP, at=at, problem=problem)
    return count


def _words(error: Exception) -> str:
    """What the server answered, or what kept it from answering."""
    if isinstance(error, SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(said)}" for code, said in error.recipients.values())[:200]
    if isinstance(error, SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"[:200]
    return f"{type(error).__name__}: {error}"[:200]


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
