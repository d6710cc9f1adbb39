"""What people decide about the gateway in front of a shared deployment: which product it is,
whether Headroom writes into it, and what becomes of an edit. Each is audited.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.models import User
from quotas.limits_gateway import LimitsGateway
from quotas.models import Deployment, GatewayProduct, Pool
from quotas.selectors.gateway_page import content_of, operated_by
from quotas.services.reasons import checked_reason, keep_reason
from quotas.services.refusals import refuse

WHY_MODE = "Say why; whoever calls through the gateway may ask."
WHY_WRITE = "Say why the edit is written over; whoever made it may ask."


def name_product(
    deployment: Deployment,
    *,
    gateway_id: str,
    product_id: str,
    gateway: LimitsGateway,
    by: User,
    at: datetime,
) -> GatewayProduct:
    """Through which product services call the deployment; it only observes at first. Asks API
    Management whether there is such a product: CloudError where it cannot be read.

    Raises DomainError: not a platform owner, no such product, one that applies already, or a
    product of another deployment.
    """
    if not by.is_platform_owner:
        raise refuse(
            "not_yours",
            "Only a platform owner names the product: it opens a policy that others write in, too.",
        )
    place = gateway_id.strip().rstrip("/")
    found = {seen.id.lower(): seen.id for seen in gateway.list_products(place)}
    if product_id.strip().lower() not in found:
        some = ", ".join(sorted(found.values())[:5]) or "none"
        raise refuse(
            "no_product", f"That gateway has no product {product_id.strip()}. It has: {some}."
        )
    return _named(deployment, place, found[product_id.strip().lower()], by, at=at)


@transaction.atomic
def _named(
    deployment: Deployment, gateway_id: str, product_id: str, by: User, *, at: datetime
) -> GatewayProduct:
    Deployment.objects.select_for_update().get(pk=deployment.pk)
    old = GatewayProduct.objects.filter(deployment=deployment).first()
    if old and old.applies:
        raise refuse(
            "product_applies",
            f"Headroom writes into {old}. Let it only observe first, and take its part out there.",
        )
    row = old or GatewayProduct(deployment=deployment)
    blank = GatewayProduct(gateway_id=gateway_id, product_id=product_id, named_at=at, named_by=by)
    for field in GatewayProduct._meta.concrete_fields:
        if field.name not in ("id", "deployment"):
            setattr(row, field.attname, getattr(blank, field.attname))
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise refuse(
            "product_taken",
            f"{row} stands in front of another deployment. A product's policy limits every call "
            "through it, so give each shared deployment one of its own.",
        ) from None
    subject = f"deployment/{deployment.pk}"
    facts = {"gateway": gateway_id, "product": product_id}
    audit.record("gateway_limits.product_named", subject, actor_id=by.pk, at=at, **facts)
    return row


@transaction.atomic
def switch_mode(
    product: GatewayProduct, *, mode: str, reason: str, by: User, at: datetime
) -> GatewayProduct:
    """Applying is the yes to what would be written now, over whatever stands in Headroom's part.

    Raises DomainError: not an operator, no reason, unknown mode, or never read.
    """
    _check(product.deployment, by)
    if mode not in Pool.Mode.values:
        raise refuse("unknown_mode", "Limits are either only observed or applied.")
    said = checked_reason(reason, missing=WHY_MODE)
    if mode == Pool.Mode.APPLY and product.read_at is None:
        raise refuse(
            "not_read",
            "API Management has not been read yet, so nobody has seen what would change. It is "
            "read within half a minute.",
        )
    row: GatewayProduct = GatewayProduct.objects.select_for_update().get(pk=product.pk)
    if row.mode == mode:
        raise ChangedMeanwhile("The mode")
    row.mode, row.answered_by, row.answer_reason = mode, by, said
    row.written_part, row.edited_at, row.agreed_at = row.seen_part, None, None
    row.not_before = None
    row.save()
    _record("mode_switched", row, said, by=by, at=at, mode=mode)
    return row


@transaction.atomic
def write_back(
    product: GatewayProduct, *, content: str, reason: str, by: User, at: datetime
) -> GatewayProduct:
    """The yes to write over an edit, at the next run, as long as it is still that edit. Raises
    DomainError: not an operator, or no reason; ChangedMeanwhile where nothing waits for a yes, or
    `content` (`content_of`) is not what stands there now.
    """
    _check(product.deployment, by)
    said = checked_reason(reason, missing=WHY_WRITE)
    facts = {"agreed_at": at, "answered_by": by, "answer_reason": said, "not_before": None}
    waiting = GatewayProduct.objects.select_for_update().filter(
        pk=product.pk, edited_at__isnull=False, agreed_at__isnull=True
    )
    row = waiting.first()
    if row is None or content_of(row) != content:
        raise ChangedMeanwhile(f"The policy of {product}")
    waiting.update(**facts, looked_at=None)
    _record("write_agreed", product, said, by=by, at=at)
    return product


@transaction.atomic
def look_now(product: GatewayProduct, *, by: User, at: datetime) -> GatewayProduct:
    """At the next run, whatever was waited for. Raises DomainError: not an operator."""
    _check(product.deployment, by)
    GatewayProduct.objects.filter(pk=product.pk).update(looked_at=None, not_before=None)
    subject = f"deployment/{product.deployment_id}"
    audit.record("gateway_limits.asked_now", subject, actor_id=by.pk, at=at)
    return product


def _check(deployment: Deployment, by: User) -> None:
    if not operated_by(by, deployment):
        raise refuse("not_yours", "Only an owner of the pool decides about limits in its gateway.")


def _record(
    verb: str, product: GatewayProduct, said: str, *, by: User, at: datetime, **detail: object
) -> None:
    kept = keep_reason(product, said, by=by, at=at)
    subject = f"deployment/{product.deployment_id}"
    audit.record(f"gateway_limits.{verb}", subject, actor_id=by.pk, at=at, **kept, **detail)
