"""What one check of an installation found: `./headroom manage doctor` prints a list of these.

A finding is a sentence for people and, under a name that stays, facts for programs. It never holds
a secret: no token, no password, no address with one inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ended. Only FAILED makes the installation unwell."""

    OK = "ok"
    WARNING = "warning"  # works, but somebody should look
    FAILED = "failed"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True)
class Finding:
    """`check` is a stable name such as `azure.accounts`; `subject` what was looked at (an id, or a
    region; "" where there is one only). `fix` is a sentence: the role or setting to change."""

    check: str
    outcome: Outcome
    sentence: str
    subject: str = ""
    fix: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def well(check: str, sentence: str, subject: str = "", **facts: object) -> Finding:
    return Finding(check, Outcome.OK, sentence, subject, facts=facts)


def warning(
    check: str, sentence: str, subject: str = "", *, fix: str = "", **facts: object
) -> Finding:
    return Finding(check, Outcome.WARNING, sentence, subject, fix, facts)


def failed(
    check: str, sentence: str, subject: str = "", *, fix: str = "", **facts: object
) -> Finding:
    return Finding(check, Outcome.FAILED, sentence, subject, fix, facts)


def not_tried(check: str, sentence: str, subject: str = "", **facts: object) -> Finding:
    return Finding(check, Outcome.NOT_TRIED, sentence, subject, facts=facts)
