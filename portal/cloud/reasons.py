"""Which of our reasons an answer of Azure means: the code decides, else the status.

Codes as seen in public reports and Microsoft's pages; compared without case. A failed operation
comes with status 200, and a lack of quota with 400, so the status alone would mislead.
"""

from portal.kernel.errors import CloudReason

# Opaque; on a direct write it mostly means that quota is short. The caller compares with `usages`.
OPAQUE_QUOTA_CODE = "715-123420"

_CODES: dict[CloudReason, tuple[str, ...]] = {
    CloudReason.INSUFFICIENT_QUOTA: ("InsufficientQuota", "QuotaExceeded", OPAQUE_QUOTA_CODE),
    CloudReason.CAPACITY_NOT_AVAILABLE: (
        "CapacityNotAvailable",
        "InsufficientCapacity",
        "InvalidCapacity",
        "NoAvailableCapacity",
        "SkuCapacityNotAvailable",
        "SkuNotAvailable",
    ),
    CloudReason.CONFLICT: (
        "AnotherOperationInProgress",
        "Conflict",
        "OperationInProgress",
        "PreconditionFailed",
        "RequestConflict",
    ),
    CloudReason.FORBIDDEN: (
        "AuthenticationFailed",
        "AuthorizationFailed",
        "ExpiredAuthenticationToken",
        "InvalidAuthenticationToken",
        "InvalidAuthenticationTokenAudience",
        "LinkedAuthorizationFailed",
        "MissingSubscriptionRegistration",
        "ReadOnlyDisabledSubscription",
        "RequestDisallowedByPolicy",
        "ScopeLocked",
    ),
    CloudReason.THROTTLED: ("SubscriptionRequestsThrottled", "TooManyRequests"),
    CloudReason.NOT_FOUND: (
        "DeploymentNotFound",
        "NotFound",
        "ParentResourceNotFound",
        "ResourceGroupNotFound",
        "ResourceNotFound",
        "SubscriptionNotFound",
    ),
    CloudReason.TIMEOUT: ("GatewayTimeout", "RequestTimeout"),
}
_REASON_OF_CODE = {code.lower(): reason for reason, codes in _CODES.items() for code in codes}

_REASON_OF_STATUS = {
    401: CloudReason.FORBIDDEN,
    403: CloudReason.FORBIDDEN,
    404: CloudReason.NOT_FOUND,
    408: CloudReason.TIMEOUT,
    409: CloudReason.CONFLICT,
    412: CloudReason.CONFLICT,
    423: CloudReason.CONFLICT,
    429: CloudReason.THROTTLED,
    504: CloudReason.TIMEOUT,
}


def reason_of(status: int | None, codes: tuple[str, ...]) -> CloudReason:
    """The reason of the first code that we know (its own, then the details'), else the status's."""
    for code in codes:
        known = _REASON_OF_CODE.get(code.lower())
        if known:
            return known
    if status is None:
        return CloudReason.UNKNOWN
    other = CloudReason.BAD_REQUEST if 400 <= status < 500 else CloudReason.UNKNOWN
    return _REASON_OF_STATUS.get(status, other)
