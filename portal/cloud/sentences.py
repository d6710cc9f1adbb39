"""What a person reads when Azure did not do it: what happened, what was kept, what to do next."""

import re
from dataclasses import dataclass
from datetime import timedelta

from portal.cloud.doctor import rights
from portal.cloud.reasons import OPAQUE_QUOTA_CODE
from portal.kernel.errors import CloudReason

# Microsoft's form for more quota, as its pages on quota link to it.
QUOTA_FORM = "https://aka.ms/oai/stuquotarequest"
_LACKING = re.compile(r"to perform action '([^']+)' over scope '([^']+)'")
_PLACE = re.compile(r"/subscriptions/([^/]+)(?:/.*?/(accounts|service)/([^/]+))?", re.IGNORECASE)
_KINDS = {"accounts": "account", "service": "API Management service"}
_ROLE_OF = {right.action.lower(): right.role for right in rights.ALL_RIGHTS}


@dataclass(frozen=True)
class Failure:
    """One call that failed. `doing` is an infinitive: "list the deployments of account x"."""

    doing: str
    reason: CloudReason
    status: int | None = None
    azure_code: str = ""
    azure_message: str = ""
    retry_after: timedelta | None = None
    maybe_applied: bool = False
    operation_failed: bool = False
    no_token: bool = False
    paused: str = ""  # why nothing was sent: "Azure … did not answer 5 calls in a row"


_BY_CODE = {
    OPAQUE_QUOTA_CODE: (
        "Azure would not {doing} and gave no plain reason (code 715-123420); most often quota is "
        "short. Compare the pool's limit with what is used; more is asked of Microsoft at "
        f"{QUOTA_FORM}."
    ),
    "scopelocked": (
        "Azure would not {doing}: a lock on the resource forbids changes. Ask whoever set the lock "
        "in Azure to lift it."
    ),
    "requestdisallowedbypolicy": (
        "Azure would not {doing}: an Azure Policy of your organisation forbids it. {azure_message}"
    ),
    "missingsubscriptionregistration": (
        "Azure would not {doing}: the subscription is not registered for "
        "Microsoft.CognitiveServices. An owner of the subscription registers it; the portal never "
        "does that by itself."
    ),
    "readonlydisabledsubscription": (
        "Azure would not {doing}: the subscription is disabled and read-only. An owner of the "
        "subscription has to enable it again."
    ),
}

_BY_REASON = {
    CloudReason.THROTTLED: (
        "Azure is answering too many calls just now and would not {doing}. Try again {when}."
    ),
    CloudReason.CONFLICT: (
        "Azure would not {doing}, because another change is running there. Try again {when}."
    ),
    CloudReason.INSUFFICIENT_QUOTA: (
        "Azure would not {doing}: the quota is too small. Ask for less, free capacity in the pool, "
        "or ask Microsoft for a "
        f"higher limit at {QUOTA_FORM}."
    ),
    CloudReason.CAPACITY_NOT_AVAILABLE: (
        "Azure would not {doing}: quota is there, but Azure has no free capacity for this model in "
        "this region. Try again later, or ask for another region."
    ),
    CloudReason.FORBIDDEN: (
        "Azure would not let the portal {doing}: its identity lacks the right. A platform owner "
        "grants the role that docs/azure.md names for this call."
    ),
    CloudReason.NOT_FOUND: (
        "Azure would not {doing}: it knows no such resource (any more). Look in the Azure portal "
        "whether it was deleted or renamed."
    ),
    CloudReason.BAD_REQUEST: (
        "Azure would not {doing}, because it finds the request wrong. It says: {azure_message}"
    ),
    CloudReason.TIMEOUT: (
        "Azure could not be reached in time to {doing}. Try again {when}; if it lasts, look at the "
        "network and at Azure's status page."
    ),
    CloudReason.UNKNOWN: (
        "Azure failed to {doing} and gave no answer that the portal understands{status}. "
        "Try again {when}; if it lasts, look at Azure's status page."
    ),
}

# Azure named the right and the place.
_LACKS_RIGHT = (
    "Azure would not let the portal {doing}: its identity lacks the right {action} on {place}. "
    "Whoever gives out access there gives it the role {role}; docs/azure.md says how."
)
_NO_SIGN_IN = (
    "The portal could not sign in to Azure to {doing}: its identity gave no token. Look at the "
    "managed identity and at AZURE_TOKEN_CREDENTIALS (docs/azure.md)."
)
_SIGN_IN_REFUSED = (
    "Azure did not accept the portal's sign-in to {doing}: the token is expired or meant for "
    "something else. Look at the portal's identity, its clock and its endpoints (docs/azure.md)."
)
_OPERATION_FAILED = (
    "Azure began to {doing} and then gave up. It says: {azure_message} Look at the deployment in "
    "the Azure portal before asking again."
)
_PAUSED = (
    "{paused}, so calls there are paused, and the portal did not ask it to {doing}. Nothing was "
    "sent. It goes on by itself {when}; the health page tells how it is."
)
_IN_DOUBT = (
    " Whether the change was made is not known; the portal reads back before it writes again."
)


def sentence_of(failure: Failure) -> str:
    """One to three plain sentences. The amount and the place come in through `doing`."""
    lacking = _LACKING.search(failure.azure_message)
    action, scope = lacking.groups() if lacking else ("", "")
    text = _template(failure).format(
        doing=failure.doing,
        action=action,
        place=_place(scope),
        role=_ROLE_OF.get(action.lower(), ""),
        paused=failure.paused,
        when=_when(failure.retry_after),
        status=f" (HTTP {failure.status})" if failure.status else "",
        azure_message=_full_stop(failure.azure_message or failure.azure_code or "nothing more"),
    )
    return text + (_IN_DOUBT if failure.maybe_applied else "")


def _template(failure: Failure) -> str:
    if failure.paused:
        return _PAUSED
    if failure.no_token:
        return _NO_SIGN_IN
    if failure.azure_code.lower() in _BY_CODE:
        return _BY_CODE[failure.azure_code.lower()]
    if failure.status == 401:
        return _SIGN_IN_REFUSED
    if failure.operation_failed and failure.reason is CloudReason.UNKNOWN:
        return _OPERATION_FAILED
    lacking = _LACKING.search(failure.azure_message)
    if failure.reason is CloudReason.FORBIDDEN and lacking and lacking[1].lower() in _ROLE_OF:
        return _LACKS_RIGHT
    return _BY_REASON[failure.reason]


def _place(scope: str) -> str:
    """`account acme of subscription 1111…`, the subscription alone, or the scope as it is."""
    found = _PLACE.search(scope)
    if found is None:
        return scope
    subscription, kind, name = found.groups()
    of = f"subscription {subscription}"
    return f"{_KINDS[kind.lower()]} {name} of {of}" if name else of


def _when(retry_after: timedelta | None) -> str:
    if retry_after is None:
        return "in a few minutes"
    seconds = max(1, round(retry_after.total_seconds()))
    return f"in {seconds} seconds" if seconds < 120 else f"in {round(seconds / 60)} minutes"


def _full_stop(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
