"""Makes the small world that tests talk about: two teams, one pool, one deployment, fakes for
outside.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.units import UnitRate
from portal.kernel.windows import Window
from portal.models import Role, RoleGrant, User
from quotas.domain.model_register import Life
from quotas.domain.region_capacity import Available
from quotas.domain.suggestion import NO_PRICE, ListPrice
from quotas.gateway import (
    AccountSeen,
    BurstUse,
    DeploymentSeen,
    Inventory,
    ModelSkuSeen,
    Priced,
    QuotaSeen,
    Sharing,
    UsageEvidence,
    WriteAnswer,
)
from quotas.models import Membership, Service, Team
from quotas.selectors.metering import MeteredDeployment

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
ACCOUNTS = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    "/providers/Microsoft.CognitiveServices/accounts"
)
ACCOUNT = f"{ACCOUNTS}/acme"


def utc(text: str) -> datetime:
    """utc("2026-03-02 10:00")"""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = utc("2026-03-02 12:00")


def person(name: str, *roles: str) -> User:
    user, _ = User.objects.get_or_create(
        username=name.lower(), defaults={"first_name": name, "email": f"{name.lower()}@example.com"}
    )
    for role in roles:
        RoleGrant.objects.get_or_create(user=user, role=role, defaults={"granted_at": NOON})
    return user


def team(name: str, *, lead: User | None = None, member: User | None = None) -> Team:
    found, _ = Team.objects.get_or_create(slug=name.lower(), defaults={"name": name})
    for user, role in ((lead, Membership.Role.LEAD), (member, Membership.Role.MEMBER)):
        if user is not None:
            Membership.objects.get_or_create(team=found, user=user, defaults={"role": role})
    return found


def service(name: str, of: Team, owner: User, **more: Any) -> Service:
    facts: dict[str, Any] = {
        "team": of,
        "slug": name.lower().replace(" ", "-"),
        "owner": owner,
        "environment": "production",
        "tier": 2,
        "purpose": f"What {name} is for.",
        "if_throttled": "Answers come late.",
    }
    return Service.objects.create(name=name, **{**facts, **more})


def deployment_seen(
    name: str = "chat", units: int = 100, *, account: str = "acme", **more: Any
) -> DeploymentSeen:
    facts: dict[str, Any] = {
        "resource_id": f"{ACCOUNTS}/{account}/deployments/{name}",
        "account_resource_id": f"{ACCOUNTS}/{account}",
        "name": name,
        "model_format": "OpenAI",
        "model_name": "gpt-4o",
        "model_version": "2024-11-20",
        "sku_name": "GlobalStandard",
        "capacity_units": units,
        "provisioning_state": "Succeeded",
        "etag": '"1"',
        "tokens_per_minute": units * 1000,
        "requests_per_minute": units * 6,
        "spillover_deployment_name": "",
        "created_at": None,
    }
    return DeploymentSeen(**{**facts, **more})


@dataclass
class FakeAzure:
    """A capacity plane in memory that remembers every write and refuses what it is told to refuse.

    With `slow` a write is taken but only there after one poll. `before_write`, if set, runs in the
    middle of a write (to kill the writer, or to edit behind its back).
    """

    deployments: dict[str, DeploymentSeen] = field(default_factory=dict)
    limit_units: int = 1000
    usage_name: str = "OpenAI.GlobalStandard.gpt-4o"
    writes: list[tuple[str, int]] = field(default_factory=list)
    refusals: list[CloudError] = field(default_factory=list)
    slow: bool = False
    pending: dict[str, int] = field(default_factory=dict)
    before_write: Any = None
    after_write: Any = None
    lost_accounts: tuple[str, ...] = ()
    life: Life = Life()  # of every model
    capacity: tuple[Available, ...] | CloudError = ()  # what it says that it has, of any model

    def add(self, *seen: DeploymentSeen) -> "FakeAzure":
        self.deployments.update({row.resource_id: row for row in seen})
        return self

    def units(self, name: str = "chat") -> int:
        return self.deployments[f"{ACCOUNT}/deployments/{name}"].capacity_units

    def edit(self, name: str, units: int) -> None:
        self._set(f"{ACCOUNT}/deployments/{name}", units)

    def _set(self, resource_id: str, units: int) -> None:
        seen = self.deployments[resource_id]
        self.deployments[resource_id] = replace(
            seen,
            capacity_units=units,
            tokens_per_minute=units * 1000,
            requests_per_minute=units * 6,
        )

    def inventory(self, subscription_id: str) -> Inventory:
        rows = tuple(
            row
            for row in self.deployments.values()
            if row.account_resource_id not in self.lost_accounts
        )
        skus = {(r.model_name, r.model_version, r.sku_name) for r in self.deployments.values()}
        return Inventory(
            subscription_id=subscription_id,
            accounts=tuple(
                AccountSeen(key, subscription_id, "rg", key.rsplit("/", 1)[1], "eastus", "OpenAI")
                for key in sorted(self._accounts())
            ),
            deployments=rows,
            quotas=self.quotas(subscription_id, "eastus"),
            model_skus=tuple(
                ModelSkuSeen(
                    "eastus",
                    "OpenAI",
                    *sku,
                    self.usage_name,
                    1,
                    5000,
                    1,
                    UnitRate(1000, 6),
                    life=self.life,
                )
                for sku in sorted(skus)
            ),
            unreadable_accounts=self.lost_accounts,
        )

    def quotas(self, subscription_id: str, region: str) -> tuple[QuotaSeen, ...]:
        used = sum(row.capacity_units for row in self.deployments.values())
        return (
            QuotaSeen(subscription_id, region, "", "", self.usage_name, self.limit_units, used),
        )

    def available(self, subscription_id: str, **model: str) -> tuple[Available, ...]:
        if isinstance(self.capacity, CloudError):
            raise self.capacity
        return self.capacity

    def _accounts(self) -> set[str]:
        return {ACCOUNT, *(row.account_resource_id for row in self.deployments.values())}

    def read(self, deployment_resource_id: str) -> DeploymentSeen:
        if deployment_resource_id not in self.deployments:
            raise CloudError(CloudReason.NOT_FOUND, "It is gone.", azure_code="DeploymentNotFound")
        return self.deployments[deployment_resource_id]

    def begin_write(
        self, deployment_resource_id: str, *, sku_name: str, units: int, request_id: str
    ) -> WriteAnswer:
        if self.refusals:
            raise self.refusals.pop(0)
        if self.before_write:
            self.before_write()
        self.writes.append((deployment_resource_id.rsplit("/", 1)[1], units))
        if self.slow:
            self.pending[deployment_resource_id] = units
            return WriteAnswer(
                done=False, operation="operation-1", retry_after=timedelta(seconds=5)
            )
        self._set(deployment_resource_id, units)
        if self.after_write:
            self.after_write()
        return WriteAnswer(done=True)

    def poll(self, deployment_resource_id: str, operation: str, *, request_id: str) -> WriteAnswer:
        units = self.pending.pop(deployment_resource_id, None)
        if units is not None:  # asked again after its end, an operation still says that it is done
            self._set(deployment_resource_id, units)
        return WriteAnswer(done=True)


NO_USAGE = UsageEvidence(
    days_of_minutes=7.0,
    completeness=1.0,
    p50_tokens_per_minute=40_000,
    p95_tokens_per_minute=80_000,
    p99_tokens_per_minute=90_000,
    peak_tokens_per_minute=97_000,
    throttled_minutes_7_days=12,
    throttled_requests_7_days=230,
    usd_per_million_tokens=Decimal("3.20"),
    usd_per_unit_hour=None,
    month_to_date_usd=Decimal("120.50"),
    replayed_throttled_minutes_now=12,
    replayed_throttled_minutes_with=0,
    used_share_of_past_bursts={},
)


@dataclass
class FakeEvidence:
    """Answers the same for every question; `used_share` fills in for every past burst."""

    answer: UsageEvidence = NO_USAGE
    used_share: float | None = 0.8
    prices: dict[str, ListPrice] = field(default_factory=dict)  # by SKU
    shared: Sharing = Sharing()  # how each deployment is shared

    def history(self, *, at: datetime) -> Window:
        return Window(at - timedelta(days=28), at)

    def usage_evidence(
        self,
        deployment: MeteredDeployment,
        *,
        past_bursts: tuple[tuple[int, Window, int], ...],
        **_: Any,
    ) -> UsageEvidence:
        shares = {number: self.used_share for number, _, _ in past_bursts}
        return replace(self.answer, used_share_of_past_bursts=shares)

    def burst_use(self, deployment: MeteredDeployment, *, window: Window, **_: Any) -> BurstUse:
        """Half of the busiest minute's share on average; 12 minutes saved. Without `used_share`
        nothing came in.
        """
        minutes, peak = int(window.length / timedelta(minutes=1)), self.used_share
        if peak is None:
            return BurstUse(minutes, 0, None, None, None, None, 0, None, None, None, True)
        return BurstUse(
            minutes, minutes, peak, peak / 2, 148_000, 110_000, minutes, 2, 14, Decimal("12.40"),
            cost_is_estimated=True,
        )  # fmt: skip

    def shared_deployments(self, *, at: datetime) -> list[int]:
        return []

    def sharing(self, deployment_ids: Collection[int], *, at: datetime) -> dict[int, Sharing]:
        return dict.fromkeys(deployment_ids, self.shared)

    def list_prices(self, asked: Collection[Priced], *, at: datetime) -> dict[Priced, ListPrice]:
        return {what: self.prices.get(what.sku_name, NO_PRICE) for what in asked}


PLATFORM_OWNER, FINANCE, AUDITOR = Role.PLATFORM_OWNER, Role.FINANCE, Role.AUDITOR
