"""What quotas needs from outside: Azure's capacity plane, and evidence about usage.

The classes behind these Protocols are named in settings by dotted path
(`HEADROOM_CAPACITY_GATEWAY`, `HEADROOM_EVIDENCE_SOURCE`), so this app imports neither the Azure
adapters nor showback. Every method may raise `portal.kernel.errors.CloudError`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from portal.kernel.units import UnitRate
from portal.kernel.windows import Window
from quotas.domain.gateway_limits import Shares
from quotas.domain.model_register import Life
from quotas.domain.region_capacity import Available
from quotas.domain.suggestion import ListPrice

if TYPE_CHECKING:
    from quotas.selectors.metering import HeldSpan, MeteredDeployment


@dataclass(frozen=True)
class AccountSeen:
    resource_id: str  # as Azure spells it
    subscription_id: str
    resource_group: str
    name: str
    region: str  # lower case, no blanks
    kind: str  # OpenAI | AIServices
    subdomain: str = ""  # of its own host, lower case; "" where it has none
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


# Azure names a fine-tuned model `gpt-4o-2024-08-06.ft-0e20…`: base model, version, training job.
FINE_TUNED_MARK = ".ft-"
SkuKey = tuple[bool, str, str]  # is it fine-tuned; base model and version, SKU, in lower case


@dataclass(frozen=True)
class DeploymentSeen:
    resource_id: str
    account_resource_id: str
    name: str
    model_format: str
    model_name: str
    model_version: str
    sku_name: str
    capacity_units: int
    provisioning_state: str  # Succeeded, Accepted, Updating, Failed, …
    etag: str
    tokens_per_minute: int | None  # in force, of the whole deployment
    requests_per_minute: int | None
    spillover_deployment_name: str
    created_at: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)  # its own

    @property
    def sku_key(self) -> SkuKey:
        """Of the row of the model, or of a fine-tuned one's base model, that says what it is."""
        base, mark, _ = self.model_name.partition(FINE_TUNED_MARK)
        model = base if mark else f"{self.model_name}-{self.model_version}"
        return bool(mark), model.lower(), self.sku_name.lower()


@dataclass(frozen=True)
class QuotaSeen:
    """One row of `usages`: a pool. `scope_type`/`scope_id` are "" where Azure sends none."""

    subscription_id: str
    region: str
    scope_type: str
    scope_id: str
    usage_name: str
    limit_units: int
    used_units: int
    # Every region that lists the row, `region` first: more than one for a global or data-zone pool.
    # A deployment of any of them with this usage name draws from it.
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelSkuSeen:
    """One deployable (model, version, SKU) of a region, and the pool that feeds it.

    `is_fine_tuned`: of deployments of models that were made of this one by fine-tuning; they have a
    pool of their own.
    """

    region: str
    model_format: str
    model_name: str
    model_version: str
    sku_name: str
    usage_name: str
    minimum_units: int | None
    maximum_units: int | None
    step_units: int | None
    rate: UnitRate
    is_fine_tuned: bool = False
    life: Life = Life()

    @property
    def sku_key(self) -> SkuKey:
        """Equal to that of the deployments it is about."""
        model = f"{self.model_name}-{self.model_version}".lower()
        return self.is_fine_tuned, model, self.sku_name.lower()


@dataclass(frozen=True)
class Inventory:
    """Everything seen of one subscription in one sync.

    `problems` are sentences: what could not be read.
    """

    subscription_id: str
    accounts: tuple[AccountSeen, ...]
    deployments: tuple[DeploymentSeen, ...]
    quotas: tuple[QuotaSeen, ...]
    model_skus: tuple[ModelSkuSeen, ...]
    problems: tuple[str, ...] = ()
    # Accounts whose deployments could not be listed: their deployments are unknown, not gone.
    unreadable_accounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class WriteAnswer:
    """What came back at once of a capacity write, or of one poll of it.

    `done` is true when Azure says the operation has ended well (read back all the same);
    otherwise `operation` is the text to hand to `poll` (kept in the database, so that any process
    may go on with it), not before `retry_after`.
    """

    done: bool
    operation: str = ""
    retry_after: timedelta = timedelta(seconds=1)


class CapacityGateway(Protocol):
    def inventory(self, subscription_id: str) -> Inventory:
        """Accounts, deployments, quota rows and deployable models of one subscription."""

    def quotas(self, subscription_id: str, region: str) -> tuple[QuotaSeen, ...]:
        """The quota rows that one region lists."""

    def available(
        self, subscription_id: str, *, model_format: str, model_name: str, model_version: str
    ) -> tuple[Available, ...]:
        """How much of a model can be deployed now, in every region and as every SKU that Azure
        tells of: what both quota and Azure's own capacity allow.
        """

    def read(self, deployment_resource_id: str) -> DeploymentSeen:
        """One deployment as it is now. CloudError(NOT_FOUND) when it is gone."""

    def begin_write(
        self, deployment_resource_id: str, *, sku_name: str, units: int, request_id: str
    ) -> WriteAnswer:
        """Sends one PATCH of the absolute capacity, at most once.

        `request_id` goes to Azure's logs.
        """

    def poll(self, deployment_resource_id: str, operation: str, *, request_id: str) -> WriteAnswer:
        """One step of a running write; CloudError when Azure says that it failed."""


@dataclass(frozen=True)
class BurstSeen:
    """One past burst of a service: what was asked and what was used of it (None: not measured)."""

    number: int
    units: int
    starts_at: datetime
    ends_at: datetime
    used_share: float | None


@dataclass(frozen=True)
class UsageEvidence:
    """What is known of a deployment's use, for a person who decides. None means not known, never
    nought.

    Tokens per minute are prompt + generated of served requests. `days_of_minutes` says how much
    history is behind the percentiles; `completeness` is the share of its minutes that came.
    """

    days_of_minutes: float
    completeness: float | None
    p50_tokens_per_minute: int | None
    p95_tokens_per_minute: int | None
    p99_tokens_per_minute: int | None
    peak_tokens_per_minute: int | None
    throttled_minutes_7_days: int | None
    throttled_requests_7_days: int | None
    usd_per_million_tokens: Decimal | None  # blended, of the last 7 days; None: no use or unpriced
    usd_per_unit_hour: Decimal | None  # provisioned only
    month_to_date_usd: Decimal | None
    # Replay of the last 7 days of the service's own minutes: minutes that would have been throttled
    # with its capacity as it is, and with the units asked for on top.
    replayed_throttled_minutes_now: int | None
    replayed_throttled_minutes_with: int | None
    used_share_of_past_bursts: dict[int, float | None]  # by request number
    # Of the whole team, this month; None where nothing is known, or part of it has no price.
    team_month_to_date_usd: Decimal | None = None
    # In words, with its confidence; "" where nothing was refused.
    likely_cause_7_days: str = ""
    # The same replay for any number of units, so that a form that tries several reads once.
    replay: Callable[[int], int | None] | None = None

    def of_units(self, held_units: int, extra_units: int) -> "UsageEvidence":
        """The same history replayed with other units; as it is where there is no replay."""
        if self.replay is None:
            return self
        return replace(
            self,
            replayed_throttled_minutes_now=self.replay(held_units),
            replayed_throttled_minutes_with=self.replay(held_units + extra_units),
        )


@dataclass(frozen=True)
class BurstUse:
    """How a burst that is over was used, what it saved, what it cost. None: not known.

    Shares are fractions of what the burst added: of its busiest minute, and on average over the
    minutes that came. Throttled minutes are of the `minutes_judged`: those that were refused, and
    those that would have been without the burst (replay). `cost` is of the burst alone.
    """

    minutes: int
    minutes_received: int
    peak_share: float | None
    mean_share: float | None
    peak_tokens_per_minute: int | None  # of the whole deployment, as the mean
    mean_tokens_per_minute: int | None
    minutes_judged: int
    throttled_with: int | None
    throttled_without: int | None
    cost: Decimal | None
    cost_is_estimated: bool


@dataclass(frozen=True)
class Priced:
    """What a deployment would be, as far as its list price goes."""

    model_name: str
    model_version: str
    sku_name: str
    region: str


@dataclass(frozen=True)
class Sharing:
    """How one deployment is shared: who calls it, and how it is divided where nobody counts.

    `callers`: services by subscription of a gateway, as it writes it; `products`: those of a whole
    product's subscriptions that nobody mapped themselves. Two services of one: of two gateways.
    `shares` only as long as it is shared.
    """

    shares: tuple[Shares, ...] = ()
    callers: Mapping[str, frozenset[int]] = field(default_factory=dict, hash=False)
    products: Mapping[str, frozenset[int]] = field(default_factory=dict, hash=False)


class EvidenceSource(Protocol):
    def history(self, *, at: datetime) -> Window:
        """The stretch of time of which evidence tells the use."""

    def usage_evidence(
        self,
        deployment: "MeteredDeployment",
        *,
        service_id: int,
        team_id: int,
        held: "Sequence[HeldSpan]",  # of the deployment, in the history
        held_units: int,
        extra_units: int,
        past_bursts: tuple[tuple[int, Window, int], ...],  # (number, window, units)
        at: datetime,
    ) -> UsageEvidence:
        """The evidence for one request, as known at `at`."""

    def burst_use(
        self,
        deployment: "MeteredDeployment",
        *,
        window: Window,
        spans: tuple[tuple[Window, int], ...],  # of the burst; what was taken back is below nought
    ) -> BurstUse:
        """Of a burst that is over, from what has come in by now."""

    def shared_deployments(self, *, at: datetime) -> Iterable[int]:
        """Ids of those whose use is divided between several services; may be a lazy query."""

    def sharing(self, deployment_ids: Collection[int], *, at: datetime) -> Mapping[int, Sharing]:
        """Of each of them, whether or not it was ever shared; a few reads for any number."""

    def list_prices(self, asked: Collection[Priced], *, at: datetime) -> Mapping[Priced, ListPrice]:
        """The price of each of them; parts of it may be unknown. One read for any number."""


@cache
def capacity_gateway() -> CapacityGateway:
    """The one that settings name; built at first use, per process."""
    return import_string(settings.HEADROOM_CAPACITY_GATEWAY)()  # type: ignore[no-any-return]


@cache
def evidence_source() -> EvidenceSource:
    return import_string(settings.HEADROOM_EVIDENCE_SOURCE)()  # type: ignore[no-any-return]
