"""Whether a model may still be asked for: what Azure says of its life, and the house's own rules.
Pure.

Azure's `lifecycleStatus` of a version is GenerallyAvailable, Stable or Preview; Deprecating once
its end is near; Deprecated when it is over. Its date is Planned, or Tentative: then nothing follows
from it. Source: "Models - List", Cognitive Services management REST API (learn.microsoft.com).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ENDING, ENDED = "deprecating", "deprecated"


class Standing(StrEnum):
    ALLOWED = "allowed"
    DEPRECATED = "deprecated"  # what runs goes on; nothing more is asked for
    RETIRED = "retired"  # Azure serves it no more


@dataclass(frozen=True)
class Life:
    """What Azure says of a model version. `retires_at` None: no date is known; `is_planned`: it is
    more than a guess. `successor` is a name and a version, "" where Azure names none.
    """

    lifecycle: str = ""
    retires_at: datetime | None = None
    is_planned: bool = False
    successor: str = ""

    @property
    def planned_end(self) -> datetime | None:
        return self.retires_at if self.is_planned else None


@dataclass(frozen=True)
class Rule:
    """The house's own word from `effective_from` on: it allows a model that Azure calls
    deprecating, or deprecates one that Azure still offers.
    """

    allows: bool
    effective_from: datetime
    reason: str
    successor: str = ""


@dataclass(frozen=True)
class Judgement:
    """`by_rule`: the house's own word decided. `successor` may be ""."""

    standing: Standing
    by_rule: bool = False
    reason: str = ""
    retires_at: datetime | None = None
    successor: str = ""

    @property
    def is_allowed(self) -> bool:
        return self.standing == Standing.ALLOWED


def judge(life: Life, rule: Rule | None, at: datetime) -> Judgement:
    """At the moment of its planned date a version is retired, whatever the house says. A rule that
    is not in force yet counts as none.
    """
    rule = rule if rule and rule.effective_from <= at else None
    end, state = life.planned_end, life.lifecycle.lower()
    successor = (rule.successor if rule else "") or life.successor
    if (end and end <= at) or (state == ENDED and (end is None or end <= at)):
        return Judgement(Standing.RETIRED, retires_at=end, successor=successor)
    if rule:
        standing = Standing.ALLOWED if rule.allows else Standing.DEPRECATED
        return Judgement(standing, True, rule.reason, end, successor)
    standing = Standing.DEPRECATED if state in (ENDING, ENDED) else Standing.ALLOWED
    return Judgement(standing, retires_at=end, successor=successor)


def together(lives: Iterable[Life]) -> Life:
    """Of one version in several places, the nearest end: planned before tentative, then the
    earlier; "nowhere deprecated" only where it is so everywhere.
    """
    found = list(lives)
    if not found:
        return Life()
    order = [ENDED, ENDING]
    worst = min(found, key=lambda each: _rank(each.lifecycle.lower(), order))
    first = min(found, key=_nearest)
    successor = first.successor or next((each.successor for each in found if each.successor), "")
    return Life(worst.lifecycle, first.retires_at, first.is_planned, successor)


def _rank(state: str, order: list[str]) -> int:
    return order.index(state) if state in order else len(order)


def _nearest(life: Life) -> tuple[bool, bool, float]:
    end = life.retires_at
    return not life.is_planned, end is None, end.timestamp() if end else 0.0
