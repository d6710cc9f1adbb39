"""What the page of a shared deployment's gateway limits shows, and the feed for other gateways."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from portal.kernel import formatting
from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from portal.models import User
from quotas.domain.gateway_diff import in_words, line_by_line
from quotas.domain.gateway_policy import Limits, NotOurs, parse, part_of
from quotas.models import Deployment, GatewayProduct, Pool
from quotas.selectors import words
from quotas.selectors.gateway_limits import Key, LimitLine, WantedLimits, counter_of, wanted_limits

OBSERVES = Status("Observe only", Tone.QUIET, "eye")
NOT_READ = Status("Not read yet")
EDITED = Status("Edited in API Management", Tone.ATTENTION, "hand-raised")
REFUSED = Status("Not written", Tone.DANGER)
VERIFIED = Status("Verified", Tone.OK)
TO_WRITE = Status("To be written", Tone.INFO, "clock")
GONE = "a service that the ledger does not know here"


@dataclass(frozen=True)
class LimitRow:
    """A service's line. `there`: what API Management has; None where it has no limit."""

    name: str
    url: str
    team: str
    keys: tuple[Key, ...]
    now: Shown | None
    there: Shown | None
    next: Shown | None  # amount
    next_at: Shown | None
    why: str

    @property
    def differs(self) -> bool:
        return str(self.now or "") != str(self.there or "") and not self.why


@dataclass(frozen=True)
class GatewayPage:
    """`differences` are sentences, `diff` the same by line. `asks`: an edit waits for a yes."""

    id: int
    label: str
    model: str
    rows: list[LimitRow]
    total: Shown | None
    because: str
    is_frozen: bool
    product: GatewayProduct | None
    status: Status | None
    sentence: str
    differences: list[str]
    diff: str
    facts: list[tuple[str, Any]]
    may_decide: bool
    may_name: bool
    asks: bool
    content: str
    limited: int
    reads_shared: bool  # the page of the shared deployment too

    @property
    def is_edited(self) -> bool:
        return self.status == EDITED

    @property
    def trail(self) -> list[tuple[str, str]]:
        shared = reverse("shared_deployment", args=[self.id]) if self.reads_shared else ""
        return [(self.label, shared), ("Gateway limits", "")]


def gateway_page(deployment: Deployment, user: User, *, at: datetime) -> GatewayPage:
    """Of a deployment that was read by `with_product`."""
    product = product_of(deployment)
    wanted = wanted_of(deployment, at=at)
    there = _read(product.seen_part if product else "")
    is_read = product is not None and product.read_at is not None
    names = wanted.names
    operated = operated_by(user, deployment)
    differs = is_read and there != wanted.limits
    return GatewayPage(
        id=deployment.pk,
        label=str(deployment),
        model=f"{deployment.model_name} {deployment.sku_name}",
        rows=_rows(wanted, there or (), at=at),
        total=words.amount(deployment, deployment.capacity_units),
        because=wanted.because,
        is_frozen=wanted.is_frozen,
        product=product,
        status=_status(product, differs=differs) if product else None,
        sentence=product.sentence if product else "",
        differences=in_words(there or (), wanted.limits, names) if differs else [],
        diff=_diff(product, there, wanted.limits) if product and differs else "",
        facts=_facts(product, at=at) if product else [],
        may_decide=operated,
        may_name=user.is_platform_owner and not (product and product.applies),
        asks=bool(product and operated and product.edited_at and not product.agreed_at),
        content=content_of(product) if product else "",
        limited=len(wanted.limits),
        reads_shared=user.reads_everything,
    )


def with_product(pk: int) -> QuerySet[Deployment]:
    """The deployment with all that its limits follow from; at most one."""
    rows: QuerySet[Deployment] = Deployment.objects.filter(pk=pk)
    return rows.select_related("account", "pool", "gateway_product__answered_by")


def product_of(deployment: Deployment) -> GatewayProduct | None:
    """None where nobody named one. A relation that is not there raises on the way."""
    found: GatewayProduct | None = getattr(deployment, "gateway_product", None)
    return found


def wanted_of(deployment: Deployment, *, at: datetime) -> WantedLimits:
    product = product_of(deployment)
    named = {deployment.pk: product} if product else {}
    return wanted_limits([deployment], named, at=at)[deployment.pk]


def content_of(product: GatewayProduct) -> str:
    """What a yes to write over an edit is bound to: Headroom's part as it was shown."""
    return hashlib.sha256(product.seen_part.encode()).hexdigest()[:16]


def operated_by(user: User, deployment: Deployment) -> bool:
    """Who decides about the limits: who operates the deployment's pool."""
    if user.is_platform_owner:
        return True
    return Pool.objects.operated_by(user).filter(pk=deployment.pool_id or 0).exists()


def limits_json(
    deployment: Deployment, *, sees: set[int] | None, at: datetime
) -> dict[str, Any] | None:
    """The feed: what each service may use now, and when that changes. `sees`: ids of the services
    that the reader may see (None: all of them); None where the reader sees none of them.

    Nothing in it moves by itself, so the same limits give the same bytes.
    """
    wanted, product = wanted_of(deployment, at=at), product_of(deployment)
    lines = [
        line
        for line in wanted.lines
        if sees is None or (line.service is not None and line.service.pk in sees)
    ]
    if sees is not None and not lines:
        return None
    edges = [line.next[0] for line in lines if line.next]
    return {
        "deployment": deployment.pk,
        "account": deployment.account.name,
        "name": deployment.name,
        "model": deployment.model_name,
        "gateway": product.gateway_id if product else None,
        "product": product.product_id if product else None,
        "mode": product.mode if product else None,
        "valid_until": min(edges).isoformat() if edges else None,
        "no_limits_because": wanted.because,
        "limits": [_line_json(line) for line in lines],
    }


def product_json(deployment: Deployment, user: User, *, at: datetime) -> dict[str, Any]:
    """How far the limits are in the product; `content` is what a yes to write back is bound to.
    The deployment has a product.
    """
    page = gateway_page(deployment, user, at=at)
    product = page.product
    if product is None:
        raise ValueError(f"{deployment} has no product")
    return {
        "deployment": deployment.pk,
        "gateway": product.gateway_id,
        "product": product.product_id,
        "mode": product.mode,
        "status": page.status.word if page.status else None,
        "sentence": page.sentence,
        "read_at": product.read_at,
        "applied_at": product.applied_at,
        "verified_at": product.verified_at,
        "edited_at": product.edited_at,
        "waits_for_yes": bool(product.edited_at and not product.agreed_at),
        "differences": page.differences,
        "content": page.content,
    }


@dataclass(frozen=True)
class Waiting:
    """An edit of limits that somebody has to answer."""

    name: str
    url: str
    sentence: str
    since: Shown


def waiting_for(user: User, *, at: datetime) -> list[Waiting]:
    """Edits of limits that wait for a yes, the oldest first, as far as this person sees the pages
    of their products. One query.
    """
    rows = GatewayProduct.objects.filter(
        edited_at__isnull=False, agreed_at__isnull=True, mode=Pool.Mode.APPLY
    )
    if not user.reads_everything:
        rows = rows.filter(deployment__pool__owners=user)
    found = rows.select_related("deployment__account").order_by("edited_at", "pk").distinct()
    return [
        Waiting(
            name=str(row.deployment),
            url=reverse("gateway_limits", args=[row.deployment_id]),
            sentence=row.sentence,
            since=words.age(row.edited_at, now=at),
        )
        for row in found
    ]


def _line_json(line: LimitLine) -> dict[str, Any]:
    return {
        "service": line.service.slug if line.service else None,
        "team": line.service.team.slug if line.service else None,
        "subscriptions": [key.id for key in line.keys],
        "tokens_per_minute": line.tokens_per_minute,
        "next": {"from": line.next[0].isoformat(), "tokens_per_minute": line.next[1]}
        if line.next
        else None,
        "why_none": line.why,
    }


def _rows(wanted: WantedLimits, there: Limits, *, at: datetime) -> list[LimitRow]:
    seen = {limit.service: limit for limit in there}
    rows = []
    for line in wanted.lines:
        service = line.service
        found = seen.pop(counter_of(wanted.deployment_id, service), None) if service else None
        rows.append(
            LimitRow(
                name=service.name if service else "Nobody’s yet",
                url=service.get_absolute_url() if service else "",
                team=service.team.name if service else "",
                keys=line.keys,
                now=_tpm(line.tokens_per_minute) if line.tokens_per_minute else None,
                there=_tpm(found.tokens_per_minute) if found else None,
                next=_tpm(line.next[1]) if line.next else None,
                next_at=words.moment(line.next[0], now=at) if line.next else None,
                why=line.why,
            )
        )
    return rows + [
        LimitRow(
            name=each.service,
            url="",
            team="",
            keys=tuple(Key(key, key) for key in each.subscriptions),
            now=None,
            there=_tpm(each.tokens_per_minute),
            next=None,
            next_at=None,
            why=f"A limit of {GONE}; it goes with the next write.",
        )
        for each in seen.values()
    ]


def _tpm(tokens_per_minute: int) -> Shown:
    """The unit stands in the head of the table."""
    return formatting.compact(tokens_per_minute, long_unit="tokens per minute")


def _read(part: str) -> Limits | None:
    """None: rewritten by hand in another form."""
    try:
        return parse(part) if part else ()
    except NotOurs:
        return None


def _diff(product: GatewayProduct, there: Limits | None, limits: Limits) -> str:
    """Of Headroom's part alone: what other people wrote is theirs to show. As Headroom writes it,
    where it can be read: API Management sets quotes and blanks anew.
    """
    before = product.seen_part if there is None else part_of(there) if there else ""
    after = part_of(limits) if limits else ""
    return line_by_line(before, after)


def _status(product: GatewayProduct, *, differs: bool) -> Status:
    if product.read_at is None:
        return REFUSED if product.error_reason else NOT_READ
    if product.applies and product.edited_at and not product.agreed_at:
        return EDITED
    if product.error_reason:
        return REFUSED
    if not product.applies:
        return OBSERVES
    return TO_WRITE if differs else VERIFIED


def _facts(product: GatewayProduct, *, at: datetime) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        ("Gateway", product.gateway_name),
        ("Product", product.product_id),
        ("Mode", product.get_mode_display()),
        ("Read", words.age(product.read_at, now=at) if product.read_at else None),
        ("Applied", words.moment(product.applied_at, now=at) if product.applied_at else None),
        ("Verified", words.moment(product.verified_at, now=at) if product.verified_at else None),
    ]
    if product.answer_reason:
        by = words.person_name(product.answered_by)
        facts.append(("Last decision", f"{product.answer_reason} ({by})"))
    return facts
