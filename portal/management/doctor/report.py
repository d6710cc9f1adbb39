"""Findings as lines for a terminal, and as one JSON object (docs/operations/doctor.md)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from portal.kernel.findings import Finding, Outcome

SIGNS = {Outcome.OK: "✓", Outcome.WARNING: "–", Outcome.FAILED: "✗", Outcome.NOT_TRIED: "–"}
# For a terminal that has no such characters.
PLAIN_SIGNS = {
    Outcome.OK: "ok  ",
    Outcome.WARNING: "--  ",
    Outcome.FAILED: "FAIL",
    Outcome.NOT_TRIED: "--  ",
}
PLAIN_CHARACTERS = str.maketrans({"“": '"', "”": '"', "’": "'", "…": "...", "–": "-", "→": "->"})
WORDS = {
    Outcome.OK: "well",
    Outcome.WARNING: "to look at",
    Outcome.FAILED: "failed",
    Outcome.NOT_TRIED: "not tried",
}


def line(finding: Finding, *, encoding: str) -> str:
    """One line: sign, sentence, and what to do. Always encodable, never with a line break."""
    lead = "Warning: " if finding.outcome is Outcome.WARNING else ""
    text = " ".join(f"{lead}{finding.sentence} {finding.fix}".split())
    if _can_show(encoding):
        sign = SIGNS[finding.outcome]
    else:
        sign, text = PLAIN_SIGNS[finding.outcome], text.translate(PLAIN_CHARACTERS)
    return f"{sign} {text}".encode(encoding, "replace").decode(encoding)


def _can_show(encoding: str) -> bool:
    try:
        "✓✗–“”…".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def summary(findings: Sequence[Finding]) -> str:
    """`31 checks: 29 well, 1 failed, 1 not tried.`"""
    parts = [f"{count} {WORDS[outcome]}" for outcome, count in counts(findings).items() if count]
    return f"{len(findings)} checks: {', '.join(parts)}."


def counts(findings: Sequence[Finding]) -> dict[Outcome, int]:
    found = Counter(finding.outcome for finding in findings)
    return {outcome: found[outcome] for outcome in Outcome}


def is_well(findings: Sequence[Finding]) -> bool:
    """Warnings and what was not tried leave it well."""
    return not any(finding.outcome is Outcome.FAILED for finding in findings)


def as_json(findings: Sequence[Finding], *, began_at: datetime) -> dict[str, Any]:
    """The documented object; `began_at` is the machine's time."""
    return {
        "version": 1,
        "began_at": began_at.isoformat(timespec="seconds"),
        "mode": str(settings.MODE),
        "cloud": settings.HEADROOM_AZURE_CLOUD,
        "well": is_well(findings),
        "counts": {outcome.value: count for outcome, count in counts(findings).items()},
        "findings": [
            {
                "check": finding.check,
                "outcome": finding.outcome.value,
                "subject": finding.subject,
                "sentence": finding.sentence,
                "fix": finding.fix,
                "facts": dict(finding.facts),
            }
            for finding in findings
        ],
    }
