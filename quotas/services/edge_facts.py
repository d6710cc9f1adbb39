"""What is known of an edge before it comes: its deployment read again, its pool's limit read again,
and what is out to its account.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db.models import Min
from django.db.models.functions import Coalesce

from portal.kernel.errors import CloudError, CloudReason
from quotas.domain.ledger import units_at
from quotas.domain.plan import Standing
from quotas.domain.prechecks import AHEAD, Edge, EdgeFacts
from quotas.domain.states import OPEN_CHANGE_STATES
from quotas.gateway import CapacityGateway, QuotaSeen
from quotas.models import Change, Deployment, LedgerEntry, Pool
from quotas.selectors.freezes import held_sentence
from quotas.selectors.managed import managed
from quotas.selectors.on_the_way import KILLED
from quotas.selectors.rooms import entries_of
from quotas.services import kill_switch
from quotas.services.gates import ON_THE_WAY, write_is_out
from quotas.services.holds import frost_of
from quotas.services.pool_rows import is_of
from quotas.services.region_capacity import why_no_capacity
from quotas.services.standings import standings

# A region's quota, or None where Azure did not say.
Quotas = tuple[QuotaSeen, ...] | None


class EdgeReader:
    """One run's reading of Azure and of the database; each region's quota is read once."""

    def __init__(self, gateway: CapacityGateway, *, at: datetime) -> None:
        self._gateway = gateway
        self._at = at
        self._is_killed = kill_switch.is_on()
        self._quotas: dict[tuple[str, str], Quotas] = {}
        self._short: dict[tuple[int, datetime], int] = {}

    def facts(self, edge: Edge, deployment: Deployment, entries: list[LedgerEntry]) -> EdgeFacts:
        """Raises CloudError where the deployment cannot be read. `entries` are those of the
        deployment.
        """
        seen = self._gateway.read(deployment.resource_id)
        deployment.capacity_units = seen.capacity_units  # what planner and freezes go by
        found = standings([deployment], entries, at=edge.at)[0]
        return EdgeFacts(
            edge=edge,
            standing=Standing(
                deployment_id=deployment.pk,
                wanted_units=edge.to_units,
                actual_units=seen.capacity_units,
                settled_units=self._settled(deployment, entries, seen.capacity_units),
                is_provisioned=deployment.is_provisioned,
                agreed_units=found.agreed_units,
                step=found.step,
            ),
            provisioning_state=seen.provisioning_state,
            same_sku=seen.sku_name.lower() == deployment.sku_name.lower(),
            short_units=self._short_units(deployment.pool, edge.at) if edge.is_start else 0,
            refused=_refused(deployment),
            held=self._held(edge, deployment, entries),
            busy_since=self._busy_since(deployment),
            no_capacity=why_no_capacity(
                deployment, edge.to_units - seen.capacity_units, gateway=self._gateway
            ),
        )

    def _settled(self, deployment: Deployment, entries: list[LedgerEntry], actual: int) -> int:
        """As the planner will know it: what the ledger wants now, and what is on its way, is ours
        although it was not read back yet.
        """
        sent = deployment.changes.filter(state__in=ON_THE_WAY, to_units=actual)
        if units_at(entries_of(entries), self._at) == actual or sent.exists():
            return actual
        return deployment.settled_units

    def _held(self, edge: Edge, deployment: Deployment, entries: list[LedgerEntry]) -> str:
        if self._is_killed:
            return KILLED
        frost = frost_of(deployment.pool, at=edge.at) if deployment.pool else None
        if frost is None:
            return ""
        writable = frost.writable(deployment, entries, edge.to_units, at=edge.at)
        return "" if writable == edge.to_units else held_sentence(frost.freeze, UTC)

    def _short_units(self, pool: Pool | None, edge_at: datetime) -> int:
        if pool is None:
            return 0
        key = (pool.pk, edge_at)
        if key not in self._short:
            self._short[key] = self._missing_in(pool, edge_at)
        return self._short[key]

    def _missing_in(self, pool: Pool, edge_at: datetime) -> int:
        """Units by which all that is to be there at the edge is more than Azure's limit. What still
        has more than it should, and what Headroom does not write, counts as it is.
        """
        now = dict(_wanted(pool, self._at))
        then = dict(_wanted(pool, edge_at))
        there = dict(pool.deployments.present().values_list("pk", "capacity_units"))
        needed = sum(
            max(then[pk], units if units > now[pk] else 0) if pk in then else units
            for pk, units in there.items()
        )
        free_of_others = self._free_of_others(pool, sum(there.values()))
        return 0 if free_of_others is None else max(0, needed - free_of_others)

    def _free_of_others(self, pool: Pool, ours: int) -> int | None:
        """The limit without what belongs to no deployment that Headroom sees; None: never read."""
        for row in self._region_quotas(pool) or ():
            if is_of(row, pool):
                return row.limit_units - max(0, row.used_units - ours)
        last = pool.limits.first()
        return last.limit_units - last.outside_units if last else None

    def _region_quotas(self, pool: Pool) -> Quotas:
        key = (pool.subscription_id, pool.region)
        if key not in self._quotas:
            try:
                self._quotas[key] = self._gateway.quotas(*key)
            except CloudError:  # the inventory's own reading, and its health, say what is wrong
                self._quotas[key] = None
        return self._quotas[key]

    def _busy_since(self, deployment: Deployment) -> datetime | None:
        """Since when a write is out to the account, where that is longer than writes take."""
        out = write_is_out(deployment.account_id)
        since: datetime | None = out.aggregate(since=Min(Coalesce("written_at", "planned_at")))[
            "since"
        ]
        return since if since and since <= self._at - AHEAD else None


def _wanted(pool: Pool, at: datetime) -> Iterable[tuple[int, int]]:
    rows: Iterable[tuple[int, int]] = managed(at=at).filter(pool=pool).values_list("pk", "wanted")
    return rows


def _refused(deployment: Deployment) -> str:
    """What Azure says where Headroom may not write to the account."""
    refused = Change.objects.filter(
        deployment__account_id=deployment.account_id,
        state__in=OPEN_CHANGE_STATES,
        error_reason=CloudReason.FORBIDDEN,
    )
    newest = refused.order_by("-pk").first()
    return newest.sentence if newest else ""
