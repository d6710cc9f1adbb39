"""Limits of services into a gateway: read what is there, compare with the ledger, write, read back.

Each look is one of a worker that claimed it. Only Headroom's own part of a product's policy is ever
written, with the mark (ETag) of the policy that it was put into, so nobody's edit is lost. Where
that part was edited, nothing is written until somebody agreed. Applied and verified are two facts.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse

from portal import audit
from portal.kernel.errors import CloudError, GatewayChanged
from portal.kernel.windows import DAY, MINUTE
from portal.outbox import Event, tell
from quotas.domain.gateway_policy import Limits, NotOurs, limits_in, parse, part_in, with_limits
from quotas.limits_gateway import LimitsGateway, ProductPolicy
from quotas.models import Deployment, GatewayProduct, Pool
from quotas.selectors.gateway_limits import WantedLimits, wanted_limits
from quotas.selectors.people import operators_of, platform_owners
from quotas.services import kill_switch
from quotas.services.retries import BLOCKING, wait_after

log = logging.getLogger(__name__)

READ_EVERY = 5 * MINUTE  # as often as the inventory is read
BUDGET_SECONDS = 20.0
EDITED = (
    "Somebody changed what Headroom wrote there. Nothing is written over it until an owner of the "
    "pool agrees, or the limits are as they were."
)
NOT_SHOWN = (
    "API Management took the limits, but shows others when read again. It is read and tried again."
)


def keep_limits(*, gateway: LimitsGateway, now: Callable[[], datetime]) -> int:
    """Looks at each product that is due: at an edge of its limits, else every five minutes. What a
    budget of time left out is due longest, so the next run begins with it. Returns the looks.

    `now` is asked before each look (this is called from doors only). An error stops no other.
    """
    deadline, looks = time.monotonic() + BUDGET_SECONDS, 0
    for product in due(at=now()):
        if time.monotonic() > deadline:
            break
        try:
            looks += look(product, gateway=gateway, at=now())
        except Exception:  # nobody foresaw it; the log has it, and the next run looks again
            log.exception("limits of %s in %s", product.deployment, product)
    return looks


def tell_of_waiting(*, at: datetime) -> int:
    """Edits that nobody answered are told of again, daily. Returns how many were told."""
    rows = _products().filter(edited_at__lte=at - DAY, agreed_at__isnull=True, mode=Pool.Mode.APPLY)
    return sum(
        _tell(row, row.sentence, occurrence=f"{row.edited_at}:{(at - row.edited_at) // DAY}", at=at)
        for row in rows
        if row.edited_at
    )


def due(*, at: datetime) -> list[GatewayProduct]:
    """Who was not looked at for longest first, and before them whoever is asked for just now."""
    free = Q(not_before__isnull=True) | Q(not_before__lte=at)
    longest = F("looked_at").asc(nulls_first=True)
    rows = list(_products().filter(free).order_by(longest, "pk"))
    old = [row for row in rows if row.looked_at is None or row.looked_at <= at - READ_EVERY]
    rest = [row for row in rows if row not in old and row.applies and not _waits(row)]
    if rest and not kill_switch.is_on():
        wanted = _wanted(rest, at=at)
        old += [row for row in rest if _read_limits(row.seen_part) != wanted[row.pk].limits]
    return old


def look(product: GatewayProduct, *, gateway: LimitsGateway, at: datetime) -> bool:
    """Reads, compares, and writes what may be written. False: another worker looks just now."""
    claim = GatewayProduct.objects.filter(pk=product.pk, looked_at=product.looked_at)
    if not claim.update(looked_at=at):
        return False
    try:
        _look(product, gateway, at=at)
    except CloudError as error:
        _note_refusal(product, error, at=at)
    except NotOurs as error:
        _note_waiting(product, str(error), product.seen_part, at=at)
    return True


def _look(product: GatewayProduct, gateway: LimitsGateway, *, at: datetime) -> None:
    keys = gateway.list_product_subscriptions(product.gateway_id, product.product_id)
    policy = gateway.read_product_policy(product.gateway_id, product.product_id)
    part = (part_in(policy.xml) or "") if policy else ""
    etag = policy.etag if policy else ""
    _keep(product, subscriptions=[asdict(key) for key in keys], read_at=at, etag=etag)
    wanted = _wanted([product], at=at)[product.pk].limits
    is_right = _read_limits(part) == wanted
    if product.applies and not is_right and _is_edited(product, part):
        _note_waiting(product, EDITED, part, at=at)
        return
    _keep(product, seen_part=part)
    if is_right:
        _settle(product, part, at=at)
        return
    if not product.applies:
        _keep(product, edited_at=None, sentence="", error_reason="", attempts=0)
        return
    _write(product, policy, wanted, gateway, at=at)


def _is_edited(product: GatewayProduct, part: str) -> bool:
    """Whether somebody has to agree before this is written over: it is neither what Headroom wrote,
    nor what stood there before, nor the edit that somebody agreed to write over.
    """
    if _same(part, product.written_part):
        return False
    is_as_before = _same(part, product.seen_part)
    return not is_as_before or (product.edited_at is not None and product.agreed_at is None)


def _same(part: str, other: str) -> bool:
    """They mean the same, or nobody can tell what and they read the same."""
    limits = _read_limits(part)
    return part == other or (limits is not None and limits == _read_limits(other))


def _write(
    product: GatewayProduct,
    policy: ProductPolicy | None,
    wanted: Limits,
    gateway: LimitsGateway,
    *,
    at: datetime,
) -> None:
    xml = with_limits(policy.xml if policy else "", wanted)
    if not _is_let(product, part_in(xml) or ""):
        return
    etag = gateway.write_product_policy(
        product.gateway_id,
        product.product_id,
        xml,
        etag=policy.etag if policy else None,
        request_id=str(uuid4()),
    )
    _note_applied(product, wanted, at=at)
    back = gateway.read_product_policy(product.gateway_id, product.product_id)
    part = (part_in(back.xml) or "") if back else ""
    _keep(product, read_at=at, etag=back.etag if back else "")
    if _read_limits(part) == wanted:
        _keep(product, seen_part=part)
        _settle(product, part, at=at)
    elif back is None or back.etag != etag:
        _note_waiting(product, EDITED, part, at=at)
    else:
        later = at + wait_after(product.attempts)
        attempts = product.attempts + 1
        facts = {"seen_part": part, "not_before": later, "attempts": attempts}
        _keep(product, sentence=NOT_SHOWN, **facts)


@transaction.atomic
def _is_let(product: GatewayProduct, part: str) -> bool:
    """Immediately before a write: it applies, and the kill switch is off. What is sent is kept
    first, so that it is known again where no answer comes.
    """
    row = GatewayProduct.objects.select_for_update().get(pk=product.pk)
    if not row.applies or kill_switch.is_on():
        return False
    _keep(product, written_part=part)
    return True


@transaction.atomic
def _note_applied(product: GatewayProduct, wanted: Limits, *, at: datetime) -> None:
    _keep(product, applied_at=at, edited_at=None, agreed_at=None)
    audit.record(
        "gateway_limits.applied",
        f"deployment/{product.deployment_id}",
        actor_id=None,
        at=at,
        services=len(wanted),
        tokens_per_minute=sum(limit.tokens_per_minute for limit in wanted),
    )


def _settle(product: GatewayProduct, part: str, *, at: datetime) -> None:
    """The gateway has what the ledger wants, whoever put it there."""
    _keep(
        product,
        written_part=part,
        verified_at=at,
        edited_at=None,
        agreed_at=None,
        not_before=None,
        attempts=0,
        error_reason="",
        sentence="",
    )


@transaction.atomic
def _note_waiting(product: GatewayProduct, why: str, part: str, *, at: datetime) -> None:
    """It needs a person, who is told once; no answer of before holds for it any more. What was
    answered during the look stands: the next run looks with that answer.
    """
    row = GatewayProduct.objects.select_for_update().get(pk=product.pk)
    if (row.agreed_at, row.mode) != (product.agreed_at, product.mode):
        return
    is_new = product.edited_at is None or product.agreed_at is not None
    since = at if is_new else product.edited_at
    _keep(product, edited_at=since, agreed_at=None, sentence=why, seen_part=part)
    if is_new:
        subject = f"deployment/{product.deployment_id}"
        audit.record("gateway_limits.edited", subject, actor_id=None, at=at)
        _tell(product, why, occurrence=at.isoformat(), at=at)


@transaction.atomic
def _note_refusal(product: GatewayProduct, error: CloudError, *, at: datetime) -> None:
    """Kept, and tried again: after a change of somebody else at once, else later and later."""
    is_new = product.error_reason != error.reason
    changed = isinstance(error, GatewayChanged)
    wait = timedelta(0) if changed else wait_after(product.attempts)
    _keep(
        product,
        attempts=product.attempts + 1,
        error_reason=error.reason,
        sentence=error.sentence,
        not_before=at + max(wait, error.retry_after or timedelta(0)),
    )
    if is_new and not changed:
        subject = f"deployment/{product.deployment_id}"
        facts = {"reason": error.reason.value, "azure_code": error.azure_code[:80]}
        audit.record("gateway_limits.refused", subject, actor_id=None, at=at, **facts)
        if error.reason in BLOCKING:
            _tell(product, error.sentence, occurrence=f"{error.reason}:{at.isoformat()}", at=at)


def _tell(product: GatewayProduct, why: str, *, occurrence: str, at: datetime) -> bool:
    deployment = product.deployment
    notice = tell(
        Event.GATEWAY_WAITS,
        operators_of(deployment.pool) if deployment.pool else platform_owners(),
        subject=f"deployment/{deployment.pk}",
        url=reverse("gateway_limits", args=[deployment.pk]),
        at=at,
        occurrence=occurrence,
        deployment=str(deployment),
        product=str(product),
        why=why,
    )
    return notice is not None


def _keep(product: GatewayProduct, **facts: Any) -> None:
    """Not where another product was named meanwhile: it is not what was looked at."""
    rows = GatewayProduct.objects.filter(pk=product.pk, named_at=product.named_at)
    rows.update(**facts)
    for name, value in facts.items():
        setattr(product, name, value)


def _read_limits(part: str) -> Limits | None:
    """None: it was rewritten by hand in another form."""
    try:
        return limits_in(part) if not part else parse(part)
    except NotOurs:
        return None


def _waits(product: GatewayProduct) -> bool:
    return product.edited_at is not None and product.agreed_at is None


def _products() -> QuerySet[GatewayProduct]:
    rows: QuerySet[GatewayProduct] = GatewayProduct.objects.select_related(
        "deployment__account", "deployment__pool"
    )
    return rows


def _wanted(products: list[GatewayProduct], *, at: datetime) -> dict[int, WantedLimits]:
    """By product."""
    deployments: list[Deployment] = [product.deployment for product in products]
    by_deployment = {product.deployment_id: product for product in products}
    found = wanted_limits(deployments, by_deployment, at=at)
    return {product.pk: found[product.deployment_id] for product in products}
