"""The pages of the policy: what is in force, its versions, and the draft of the next."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from portal.kernel.shown import Shown
from portal.models import User
from quotas.domain.policy import Policy
from quotas.domain.policy_changes import RuleChange, changes
from quotas.domain.policy_words import LOW_RISK, RuleWords, in_words, longest_in_words
from quotas.domain.stages import PEOPLE
from quotas.models import PolicyVersion
from quotas.selectors import words
from quotas.selectors.policy import low_risk_words

NOBODY = "Headroom"


@dataclass(frozen=True)
class VersionRow:
    number: int
    published: Shown
    by: str
    drafted_by: str
    note: str


@dataclass(frozen=True)
class VersionPage:
    """One published version: its sentences, and what it changed in the one before it."""

    row: VersionRow
    rules: tuple[RuleWords, ...]
    longest: str
    low_risk: RuleWords
    changes: list[RuleChange]
    is_in_force: bool


def published() -> list[PolicyVersion]:
    """Newest first."""
    return list(PolicyVersion.objects.exclude(number=None))


def version_rows(versions: list[PolicyVersion], *, at: datetime) -> list[VersionRow]:
    names = _names({id for v in versions for id in (v.published_by_id, v.drafted_by_id) if id})
    return [
        VersionRow(
            number=version.number or 0,
            published=words.moment(version.published_at, now=at),
            by=names.get(version.published_by_id or 0, NOBODY),
            drafted_by=names.get(version.drafted_by_id or 0, NOBODY),
            note=version.note or "How Headroom begins.",
        )
        for version in versions
    ]


def version_page(number: int, *, at: datetime) -> VersionPage | None:
    """None where there is no such version."""
    versions = published()
    found = next((v for v in versions if v.number == number), None)
    if found is None:
        return None
    before = next((v for v in versions if (v.number or 0) < number), None)
    return VersionPage(
        row=version_rows([found], at=at)[0],
        rules=rules_in_words(found.policy),
        longest=longest_in_words(found.policy),
        low_risk=low_risk_words(found.policy),
        changes=differences(before.policy, found.policy) if before else [],
        is_in_force=found is versions[0],
    )


def rules_in_words(policy: Policy) -> tuple[RuleWords, ...]:
    return in_words(policy, currency=settings.HEADROOM_CURRENCY, named=_named([policy]))


def differences(old: Policy, new: Policy) -> list[RuleChange]:
    """In sentences, how long a burst may last first, what is low risk last."""
    named, currency = _named([old, new]), settings.HEADROOM_CURRENCY
    found = changes(
        in_words(old, currency=currency, named=named), in_words(new, currency=currency, named=named)
    )
    was, now = longest_in_words(old), longest_in_words(new)
    if was != now:
        found.insert(0, RuleChange("Every burst", 0, "changed", (was,), (now,)))
    before, after = low_risk_words(old).all, low_risk_words(new).all
    if before != after:
        gone = tuple(line for line in before if line not in after)
        come = tuple(line for line in after if line not in before)
        found.append(RuleChange(LOW_RISK, 0, "changed", gone, come))
    return found


def user_names(document: dict[str, Any]) -> dict[int, str]:
    """By id, of everybody whom a draft names; whatever else it holds is passed over."""
    return dict(User.objects.filter(pk__in=_numbers_in(document)).values_list("pk", "username"))


def _numbers_in(value: Any, *, inside: bool = False) -> set[int]:
    if isinstance(value, dict):
        return {n for key, part in value.items() for n in _numbers_in(part, inside=key == PEOPLE)}
    if isinstance(value, list):
        return {n for part in value for n in _numbers_in(part, inside=inside)}
    return {value} if inside and isinstance(value, int) and 0 < value < 2**62 else set()


def _named(policies: Iterable[Policy]) -> Callable[[int], str]:
    ids = {
        person
        for policy in policies
        for rule in policy.rules
        for asked in rule.stages
        for person in asked.stage.people
    }
    names = _names(ids)
    return lambda person: names.get(person, f"person {person}")


def names_of(ids: Iterable[int]) -> list[str]:
    return sorted(_names(set(ids)).values())


def _names(ids: set[int]) -> dict[int, str]:
    return {user.pk: user.display_name for user in User.objects.filter(pk__in=ids)} if ids else {}
