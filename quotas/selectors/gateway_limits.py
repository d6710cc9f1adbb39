"""Which limit each service is to have in the gateway in front of a shared deployment, and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.windows import MINUTE, Window
from quotas.domain.freezing import frozen_since
from quotas.domain.gateway_limits import Book, Held
from quotas.domain.gateway_policy import Limits, ServiceLimit, in_order
from quotas.gateway import Sharing, evidence_source
from quotas.models import Deployment, GatewayProduct, LedgerEntry, Service
from quotas.selectors.freezes import freezes_of

LONGEST_FREEZE = timedelta(days=366)
STEADY = (LedgerEntry.Kind.ADOPTED, LedgerEntry.Kind.BASELINE)
NOBODYS = "Nobody has said whose it is, so no limit is written for it."
AMBIGUOUS = "Two gateways know it as that of different services, so no limit is written for it."
HOLDS_NOTHING = "Holds nothing here, so no limit is written: it may use what others leave."
NO_KEY = "No subscription is known to be its own, so nothing of it can be limited."


@dataclass(frozen=True)
class Key:
    """A subscription of the gateway; `state` as API Management says it, "" where nobody asked."""

    id: str
    name: str
    state: str = ""


@dataclass(frozen=True)
class LimitLine:
    """One service, or a subscription that is no service's (`service` None).

    `tokens_per_minute` None: it holds nothing. `next`: when that will be another, and what. `why`
    says why no limit is written; "" where one is.
    """

    service: Service | None
    keys: tuple[Key, ...]
    tokens_per_minute: int | None = None
    next: tuple[datetime, int] | None = None
    why: str = ""


@dataclass(frozen=True)
class WantedLimits:
    """Of one deployment. `because`: why it can have no limits at all. `is_frozen`: a freeze keeps
    some of them as they were. `names` of services by what stands for them in the policy.
    """

    deployment_id: int
    limits: Limits
    lines: tuple[LimitLine, ...]
    because: str = ""
    is_frozen: bool = False

    @property
    def names(self) -> dict[str, str]:
        services = (line.service for line in self.lines if line.service)
        return {counter_of(self.deployment_id, each): each.name for each in services}

    @property
    def next_at(self) -> datetime | None:
        return min((line.next[0] for line in self.lines if line.next), default=None)


def wanted_limits(
    deployments: Sequence[Deployment],
    products: Mapping[int, GatewayProduct],
    *,
    at: datetime,
) -> dict[int, WantedLimits]:
    """By deployment; six queries for any number of them. `products` by deployment: without one, the
    subscriptions are those that a gateway's logs named. Deployments were read with their pools.
    """
    ids = [each.pk for each in deployments]
    sharing = evidence_source().sharing(ids, at=at)
    held = _held(ids, at=at)
    since = _frozen(deployments, at=at)
    books = {d.pk: _book(d, held[d.pk], sharing.get(d.pk, Sharing())) for d in deployments}
    found = {
        d.pk: book.limits(at, deployed_units=d.capacity_units, frozen_since=since.get(d.pk))
        for d in deployments
        if (book := books[d.pk])
    }
    keys = {d.pk: _keys(sharing.get(d.pk, Sharing()), products.get(d.pk)) for d in deployments}
    services = _services(keys.values(), found.values())
    return {
        d.pk: _wanted(
            d, books[d.pk], found.get(d.pk, {}), keys[d.pk], services, since.get(d.pk), at=at
        )
        for d in deployments
    }


def counter_of(deployment_id: int, service: Service) -> str:
    """What stands for the service in the policy: a gateway has one counter for each name, whichever
    product it is in.
    """
    return f"{deployment_id}.{service.slug}"


Mapped = list[tuple[Key, frozenset[int]]]  # each subscription with the services it may be of


def _keys(sharing: Sharing, product: GatewayProduct | None) -> Mapped:
    if product is None:
        return [(Key(key, key), services) for key, services in sorted(sharing.callers.items())]
    of_product = sharing.products.get(product.product_id, frozenset())
    rows = sorted(product.subscriptions, key=lambda row: row["id"])
    return [
        (Key(row["id"], row["name"], row["state"]), sharing.callers.get(row["id"], of_product))
        for row in rows
    ]


def _services(keys: Iterable[Mapped], limits: Iterable[Mapping[int, int]]) -> dict[int, Service]:
    mapped = {service for each in keys for _, services in each for service in services}
    held = {service for each in limits for service in each}
    rows = Service.objects.select_related("team").in_bulk(mapped | held)
    return {int(key): row for key, row in rows.items()}


def _wanted(
    deployment: Deployment,
    book: Book | None,
    tokens: Mapping[int, int],
    keys: Mapped,
    services: Mapping[int, Service],
    since: datetime | None,
    *,
    at: datetime,
) -> WantedLimits:
    if book is None:
        lines = [_nobodys(key, of) for key, of in keys]
        return WantedLimits(deployment.pk, (), tuple(lines), because=_no_limits(deployment))
    mine: dict[int, list[Key]] = defaultdict(list)
    for key, of in keys:
        if len(of) == 1:
            mine[min(of)].append(key)
    later = book.next_of(at)
    ids = sorted(mine.keys() | tokens.keys(), key=lambda pk: services[pk].name)
    lines = [
        _line(services[pk], tuple(mine.get(pk, ())), tokens.get(pk), later.get(pk)) for pk in ids
    ]
    limits = in_order(
        ServiceLimit(
            counter_of(deployment.pk, line.service),
            tuple(sorted(key.id for key in line.keys)),
            line.tokens_per_minute,
        )
        for line in lines
        if line.service and line.tokens_per_minute and not line.why
    )
    free = book.limits(at, deployed_units=deployment.capacity_units)
    strangers = [_nobodys(key, of) for key, of in keys if len(of) != 1]
    kept = bool(since) and free != tokens
    return WantedLimits(deployment.pk, limits, (*lines, *strangers), is_frozen=kept)


def _line(
    service: Service, keys: tuple[Key, ...], tokens: int | None, later: tuple[datetime, int] | None
) -> LimitLine:
    why = HOLDS_NOTHING if not tokens else "" if keys else NO_KEY
    return LimitLine(service, keys, tokens, later, why)


def _nobodys(key: Key, services: frozenset[int]) -> LimitLine:
    return LimitLine(None, (key,), why=AMBIGUOUS if services else NOBODYS)


def _no_limits(deployment: Deployment) -> str:
    if deployment.gone_at:
        return "The deployment is gone from Azure, so there is nothing to divide."
    if deployment.is_provisioned:
        return "Provisioned throughput has no tokens per minute of its own, so none can be divided."
    return "Azure states no tokens per minute for this deployment, so none can be divided."


def _book(deployment: Deployment, held: list[Held], sharing: Sharing) -> Book | None:
    rate = deployment.tokens_per_minute_per_unit
    if not rate or deployment.gone_at or deployment.is_provisioned:
        return None
    return Book(held, sharing.shares, deployment.service_id, rate)


def _held(deployment_ids: Sequence[int], *, at: datetime) -> dict[int, list[Held]]:
    found: dict[int, list[Held]] = defaultdict(list)
    rows = LedgerEntry.objects.applied().recent_at(at).filter(deployment__in=deployment_ids)
    for row in rows.select_related("reverses"):
        root = row.reverses or row
        found[row.deployment_id].append(
            Held(
                root=root.pk,
                service_id=row.service_id,
                units=row.units,
                window=row.window,
                is_steady=root.kind in STEADY,
                began_at=root.effective_from,
            )
        )
    return found


def _frozen(deployments: Iterable[Deployment], *, at: datetime) -> dict[int, datetime]:
    """By deployment, since when a freeze lets nothing start in its pool; without the others."""
    pools = {each.pool.pk: each.pool for each in deployments if each.pool}
    windows = freezes_of(list(pools.values()), Window(at - LONGEST_FREEZE, at + MINUTE))
    since = {pk: frozen_since(found, at) for pk, found in windows.items()}
    frozen = {each.pk: since.get(each.pool_id or 0) for each in deployments}
    return {pk: moment for pk, moment in frozen.items() if moment}
