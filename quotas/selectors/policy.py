"""The policy in force, and what it says of facts that are stored with a request."""

from functools import cached_property
from typing import Any

from django.conf import settings

from quotas.domain.policy import DEFAULT, Policy
from quotas.domain.policy_facts import RequestFacts
from quotas.domain.policy_judge import Clause, Verdict, judge
from quotas.domain.policy_words import RuleWords, low_risk_in_words
from quotas.models import PolicyVersion

Check = dict[str, Any]


def policy_in_force() -> Policy:
    """The newest published one; the built-in default where none was published yet."""
    version = PolicyVersion.objects.exclude(number=None).first()
    return version.policy if version else DEFAULT


def low_risk_words(policy: Policy) -> RuleWords:
    """What may be approved together with others, in sentences."""
    return low_risk_in_words(policy, currency=settings.HEADROOM_CURRENCY)


class Policies:
    """The policy that judged a request, by its number: what is shown is why it was decided so, not
    what a newer one would say. One query, at the first that is asked for.
    """

    @cached_property
    def _published(self) -> dict[int | None, Policy]:
        return {row.number: row.policy for row in PolicyVersion.objects.exclude(number=None)}

    def of(self, number: int | None) -> Policy:
        """The newest one for a request that was never judged, the default where none is there."""
        return self._published.get(number, self.newest)

    @property
    def newest(self) -> Policy:
        """The one in force; the default where none was published yet."""
        return next(iter(self._published.values()), DEFAULT)


def judged(facts: dict[str, Any], policy: Policy) -> Verdict | None:
    """By the facts as they are stored in evidence; None where they are older than the policy."""
    if "policy_facts" not in facts:
        return None
    return judge(RequestFacts.from_json(facts["policy_facts"]), policy)


def checks_of(verdict: Verdict | None) -> list[Check]:
    """Every clause, passed or not, for templates/components/checks.html."""
    return _checks(verdict.clauses if verdict else ())


def risk_checks_of(verdict: Verdict | None) -> list[Check]:
    """Every clause of low risk; none of what goes to nobody."""
    return _checks(verdict.risk if verdict else ())


def _checks(clauses: tuple[Clause, ...]) -> list[Check]:
    return [{"passed": clause.passed, "text": clause.sentence} for clause in clauses]
