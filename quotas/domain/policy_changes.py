"""What differs between two policies, rule by rule, in the sentences that people read."""

from collections.abc import Sequence
from dataclasses import dataclass

from quotas.domain.policy_words import RuleWords


@dataclass(frozen=True)
class RuleChange:
    """One rule that was added, taken out, moved or changed. `place` is its new one, from 1 (its
    old one where it is gone). `gone` and `new` are lines that only the one or the other has.
    """

    name: str
    place: int
    what: str  # added, taken out, moved or changed
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


def changes(old: Sequence[RuleWords], new: Sequence[RuleWords]) -> list[RuleChange]:
    """In the order of the new rules, then those that are gone. A rule is known by its name."""
    before = {rule.name: rule for rule in old}
    after = {rule.name for rule in new}
    moved = _moved([r.name for r in old if r.name in after], [r.name for r in new])
    found: list[RuleChange] = []
    for place, rule in enumerate(new, start=1):
        was = before.get(rule.name)
        if was is None:
            found.append(RuleChange(rule.name, place, "added", new=rule.all))
        elif was.all != rule.all:
            found.append(_changed(was, rule, place))
        elif rule.name in moved:
            found.append(RuleChange(rule.name, place, "moved"))
    gone = ((place, rule) for place, rule in enumerate(old, 1) if rule.name not in after)
    return found + [RuleChange(r.name, place, "taken out", gone=r.all) for place, r in gone]


def _changed(was: RuleWords, rule: RuleWords, place: int) -> RuleChange:
    gone = tuple(line for line in was.all if line not in rule.all)
    new = tuple(line for line in rule.all if line not in was.all)
    if not gone and not new:  # the same lines in another order, which matters for stages
        gone, new = was.lines, rule.lines
    return RuleChange(rule.name, place, "changed", gone=gone, new=new)


def _moved(old: list[str], new: list[str]) -> set[str]:
    """Those of both whose order among the others changed."""
    kept = [name for name in new if name in set(old)]
    return {name for before, name in zip(old, kept, strict=True) if before != name}
