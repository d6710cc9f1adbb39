"""A call that failed, as a finding: what Azure said, and the role or setting that would help.

401, 403, 404, throttling, a failure of Azure's own and a network that does not reach it each have
words of their own: they have different remedies, and different people apply them.
"""

from portal.cloud.doctor.network import trouble_of
from portal.cloud.doctor.rights import Right
from portal.cloud.policies import Paused
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.findings import Finding, failed

ENDPOINTS = (
    "HEADROOM_AZURE_CLOUD, AZURE_ARM_ENDPOINT, AZURE_METRICS_ENDPOINT and AZURE_LOGS_ENDPOINT"
)
# 401: Azure reads the token and does not accept it.
_TOKEN_REFUSED = {
    "InvalidAuthenticationTokenAudience": (
        "the token is meant for another service or cloud",
        f"{ENDPOINTS} must belong to one cloud; mostly all but the first stay unset.",
    ),
    "InvalidAuthenticationTokenTenant": (
        "the token is of another tenant than the subscription",
        "Use an identity of the subscription's tenant (AZURE_TENANT_ID), or another subscription.",
    ),
    "ExpiredAuthenticationToken": (
        "the token counts as expired",
        "Set this machine's clock (NTP), and start the portal's processes again.",
    ),
}
_OTHER_TOKEN_REFUSED = (
    "the portal's sign-in is not accepted",
    f"Look at the identity, and at {ENDPOINTS}.",
)
# 403 with a code of its own: no role helps. What does is in the error's sentence.
_NO_ROLE_HELPS = frozenset(
    {"readonlydisabledsubscription", "requestdisallowedbypolicy", "scopelocked"}
)
_GATEWAY = (
    "Ask who runs the proxy or firewall between here and Azure; docs/azure.md names the calls."
)
_LONGEST_QUOTE = 200


def refused(
    check: str, doing: str, error: CloudError, *, subject: str, right: Right, scope: str
) -> Finding:
    """`doing` completes "Azure would not let the portal …"; `scope` where the right is needed."""
    words, fix = _words(error, right, scope)
    return failed(
        check,
        f"Could not {doing}: {words}.",
        subject,
        fix=fix,
        reason=_reason(error),
        status=error.status,
        azure_code=error.azure_code,
        right=right.action,
    )


def one_line(text: str) -> str:
    """The text without line breaks, cut at a length that a terminal bears."""
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1].rstrip() + "…"


def _reason(error: CloudError) -> str:
    trouble = trouble_of(error) if error.status is None else None
    return trouble.kind if trouble else error.reason.value


def _words(error: CloudError, right: Right, scope: str) -> tuple[str, str]:
    """What happened (a clause), and what to do (a sentence)."""
    trouble = trouble_of(error) if error.status is None else None
    if trouble:
        return trouble.words, trouble.fix
    if isinstance(error.__cause__, Paused):
        return "nothing was sent, as calls there are paused", error.sentence
    if error.status is not None and error.status < 300 and error.azure_code:
        return f"Azure took it on and gave up ({error.azure_code})", error.sentence
    if error.status == 401:
        words, fix = _TOKEN_REFUSED.get(error.azure_code, _OTHER_TOKEN_REFUSED)
        return f"{words} ({_said(error)})", fix
    if error.azure_code.lower() in _NO_ROLE_HELPS or _is_registration(error):
        return f"Azure refuses ({_said(error)})", error.sentence
    if error.status == 403:
        return _forbidden(error, right, scope)
    if error.reason is CloudReason.NOT_FOUND:
        return _not_found(error, right, scope)
    if error.reason is CloudReason.THROTTLED:
        return f"Azure is throttling ({_said(error)})", "Try again in a few minutes."
    if error.status is not None and error.status >= 500:
        return _failed_itself(error)
    return (
        f"{_said(error)}",
        "Look the code up in Azure's documentation; docs/azure.md has the call.",
    )


def _is_registration(error: CloudError) -> bool:
    return error.azure_code == "MissingSubscriptionRegistration"


def _forbidden(error: CloudError, right: Right, scope: str) -> tuple[str, str]:
    if error.azure_code:
        return f"the identity lacks the right ({_said(error)})", right.fix(scope)
    return (
        "403 without a reason of Azure's, as a proxy or a firewall answers",
        f"{_GATEWAY} If it was Azure: {right.fix(scope)}",
    )


def _not_found(error: CloudError, right: Right, scope: str) -> tuple[str, str]:
    if error.azure_code == "SubscriptionNotFound":
        return (
            f"Azure knows no such subscription ({_said(error)})",
            "Look at the id in HEADROOM_SUBSCRIPTIONS and at the identity's tenant. "
            + right.fix(scope),
        )
    if error.azure_code:
        return (
            f"Azure does not find it ({_said(error)})",
            "Look in the Azure portal whether it was deleted, renamed or moved.",
        )
    return "404 without a reason of Azure's: nobody plays this call there", f"Look at {ENDPOINTS}."


def _failed_itself(error: CloudError) -> tuple[str, str]:
    if error.azure_code:
        return f"Azure failed by itself ({_said(error)})", "Try again; look at Azure's status page."
    return f"HTTP {error.status} without a reason of Azure's, as a proxy answers", _GATEWAY


def _said(error: CloudError) -> str:
    if error.azure_code:
        return f"{error.status} {error.azure_code}" if error.status else error.azure_code
    return one_line(error.azure_message) or "an answer that is not Azure's"
