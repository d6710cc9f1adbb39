"""What every form for capacity has: the rules of the services, each refusal beside its field.

The forms themselves, one for each kind of request, are in `forms_kinds`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from portal.forms import RefusingForm
from portal.kernel.errors import DomainError
from portal.models import User
from quotas.domain.policy import Policy
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors.amounts import Asked, units_of
from quotas.selectors.words import amount_word
from quotas.services.asking import Draft, Kind
from quotas.services.checks import (
    check_amount,
    check_draft,
    check_owner,
    check_pool,
    check_window,
    terms_asked,
)

# Which field a refusal of the service belongs to; others stand at the top of the form.
FIELD_OF = {
    "ends_before_start": "ends_at",
    "in_the_past": "ends_at",
    "too_long": "ends_at",
    "no_end": "ends_at",
    "has_an_end": "ends_at",
    "start_in_the_past": "starts_at",
    "nothing_asked": "amount",
    "absurd_amount": "amount",
    "wrong_step": "amount",
    "pool_exhausted": "amount",
    "too_little_left": "amount",
    "not_held": "amount",
    "no_target": "to_deployment",
    "other_pool": "to_deployment",
    "purpose_missing": "purpose",
    "occasion_unknown": "occasion",
    "release_not_agreed": "accepts_provisioned_release",
}
# Neither a draft nor a verdict waits for these.
MAY_LACK = {"purpose", "occasion", "accepts_provisioned_release"}


class AskForm(RefusingForm):
    """`service`, `deployment` and `by` come from the page, and `edited`, the request that is
    changed. With `judged` only what a verdict needs is asked for.
    """

    field_of = FIELD_OF

    kind: ClassVar[str]

    def __init__(
        self,
        *args: Any,
        service: Service,
        deployment: Deployment,
        by: User,
        judged: bool = False,
        edited: CapacityRequest | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.service, self.deployment, self.by, self.judged = service, deployment, by, judged
        self.edited = edited
        self.unit = amount_word(deployment)
        for name in MAY_LACK if judged else ():
            self.fields.pop(name, None)
        if not deployment.is_provisioned:
            self.fields.pop("accepts_provisioned_release", None)
        if self.unit != "TPM" or not deployment.requests_per_minute_per_unit:
            self.fields.pop("requests_per_minute", None)
        if "starts_now" in self.fields and self.data.get("starts_now"):
            self.fields["starts_at"].required = False
        self.terms: Terms | None = None

    @property
    def asked(self) -> Asked:
        """What was typed as the amount; nothing where it could not be read."""
        data = self.cleaned_data
        return Asked(data.get("amount") or 0, data.get("requests_per_minute") or 0)

    def draft(self, *, at: datetime) -> Draft:
        """What the service takes; what is missing is empty."""
        data = self.cleaned_data
        return Draft(
            service=self.service,
            deployment=self.deployment,
            units=units_of(self.deployment, self.asked),
            starts_at=data.get("starts_at") or at,
            ends_at=data.get("ends_at"),
            occasion=data.get("occasion", ""),
            purpose=data.get("purpose", ""),
            accepts_provisioned_release=data.get("accepts_provisioned_release", self.judged),
            starts_now=bool(data.get("starts_now")),
            kind=self.kind,
        )

    def check(self, rules: Policy, *, at: datetime) -> bool:
        """The services' own rules; all that is wrong is said at once, beside its field. Sets
        `terms` where nothing is.
        """
        self.full_clean()
        draft = self.draft(at=at)
        wrong = [] if self.errors else self._refusals(lambda: self._check_all(draft, rules, at))
        if self.errors or wrong:
            wrong += self._refused_apart(draft, rules, at)
        for error in {each.code: each for each in wrong}.values():
            self.refuse(error)
        return not self.errors

    def _check_all(self, draft: Draft, rules: Policy, at: datetime) -> None:
        if self.judged:
            check_owner(self.service, at=at)
        check = terms_asked if self.judged else check_draft
        self.terms = check(draft, rules, by=self.by, at=at, edited=self.edited)

    def _refused_apart(self, draft: Draft, rules: Policy, at: datetime) -> list[DomainError]:
        """Of the window and of the amount, each where its fields could be read. Those of an
        extension are its grant's.
        """
        if self.kind == Kind.EXTENSION:
            return []
        found: list[DomainError] = []
        if self._are_clean("starts_at", "ends_at"):
            found += self._refusals(lambda: check_window(draft, rules, at))
        if self._are_clean("amount"):
            found += self._refusals(lambda: check_amount(draft))
            found += [] if self.judged else self._refusals(lambda: check_pool(draft))
        return found

    def _are_clean(self, *names: str) -> bool:
        return all(name in self.cleaned_data for name in names if name in self.fields)

    @staticmethod
    def _refusals(rule: Callable[[], object]) -> list[DomainError]:
        try:
            rule()
        except DomainError as error:
            return [error]
        return []
