"""Reasons of answers to edits and findings, of decisions on limits in a gateway, and of unmapping:
asked for, and kept where a later answer cannot replace them. People's own words are no part of the
audit, so it names the row that has them.
"""

from datetime import datetime

from portal.models import User
from quotas.models import Change, Deployment, Finding, GatewayProduct, GivenReason
from quotas.services.refusals import refuse

LONGEST_REASON = 200
Answered = Change | Finding | GatewayProduct | Deployment
_FIELD_OF: dict[type[Answered], str] = {
    Change: "change",
    Finding: "finding",
    GatewayProduct: "gateway_product",
    Deployment: "deployment",
}


def checked_reason(reason: str, *, missing: str) -> str:
    """The reason as it is kept, whole. Raises DomainError: none (the sentence `missing`), or more
    than 200 characters.
    """
    said = reason.strip()
    if not said:
        raise refuse("reason_missing", missing)
    if len(said) > LONGEST_REASON:
        raise refuse("reason_too_long", f"Say it in {LONGEST_REASON} characters at most.")
    return said


def keep_reason(answered: Answered, said: str, *, by: User, at: datetime) -> dict[str, int]:
    """In the transaction of the answer. Returns what its audit row says of it: nothing where the
    answer needed no words.
    """
    if not said:
        return {}
    field = _FIELD_OF[type(answered)]
    facts = {field: answered, "given_by": by, "given_at": at, "reason": said}
    row = GivenReason.objects.create(**facts)
    return {"reason": row.pk}
